/** The conformance suite of the engine that its argument names, as a program of its own, for compiled-suite.ts. */
import { linux } from "../../src/engines/linux/main/factory.ts";
import { portable } from "../../src/engines/portable/engine.ts";
import { engineConformance } from "../engines/conformance.ts";
import { thisHost } from "../engines/host.ts";

const engine = process.argv.at(-1) === "linux" ? linux : portable;
const reason = await engine.test({ listen: [] });
engineConformance(`${engine.name} engine`, thisHost(engine), { skip: reason ?? undefined });
