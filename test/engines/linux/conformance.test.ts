import { linux } from "../../../src/engines/linux/main/engine.ts";
import { engineConformance } from "../conformance.ts";

const reason = await linux.test();
engineConformance("linux engine", linux, { skip: reason ?? undefined });
