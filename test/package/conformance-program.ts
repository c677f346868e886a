/** Both engines' conformance suite as a program of its own, for compiled-suite.ts. */
import { linux } from "../../src/engines/linux/main/engine.ts";
import { portable } from "../../src/engines/portable/engine.ts";
import { engineConformance } from "../engines/conformance.ts";
import { thisHost } from "../engines/host.ts";

const reason = await linux.test({ listen: [] });
engineConformance("linux engine", thisHost(linux), { skip: reason ?? undefined });
engineConformance("portable engine", thisHost(portable));
