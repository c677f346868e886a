import { portable } from "../../../src/engines/portable/engine.ts";
import { engineConformance } from "../conformance.ts";

engineConformance("portable engine", portable);
