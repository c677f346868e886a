import { linux } from "../../src/engine/linux/engine.ts";
import { engineConformance } from "./conformance.ts";

const reason = await linux.test();
engineConformance("linux engine", linux, { skip: reason ?? undefined });
