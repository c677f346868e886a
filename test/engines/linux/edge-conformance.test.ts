import { linux } from "../../../src/engines/linux/main/factory.ts";
import { edgeConformance } from "../edge-conformance.ts";
import { thisHost } from "../host.ts";

const reason = await linux.test({ listen: [] });
edgeConformance("linux engine, before clients are served", thisHost(linux), { skip: reason ?? undefined });
