import { portable } from "../../../src/engines/portable/engine.ts";
import { engineConformance } from "../conformance.ts";
import { thisHost } from "../host.ts";

engineConformance("portable engine", thisHost(portable));
