/** Both engines' conformance suite as a program of its own, for conformance-compiled.test.ts. */
import { linux } from "../../src/engine/linux/engine.ts";
import { portable } from "../../src/engine/portable.ts";
import { engineConformance } from "../engine/conformance.ts";

const reason = await linux.test();
engineConformance("linux engine", linux, { skip: reason ?? undefined });
engineConformance("portable engine", portable);
