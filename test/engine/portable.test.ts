import { portable } from "../../src/engine/portable.ts";
import { engineConformance } from "./conformance.ts";

engineConformance("portable engine", portable);
