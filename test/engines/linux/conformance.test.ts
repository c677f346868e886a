import { linux } from "../../../src/engines/linux/main/factory.ts";
import { engineConformance } from "../conformance.ts";
import { thisHost } from "../host.ts";

const reason = await linux.test({ listen: [] });
engineConformance("linux engine", thisHost(linux), { skip: reason ?? undefined });
