import { portable } from "../../../src/engines/portable/engine.ts";
import { edgeConformance } from "../edge-conformance.ts";
import { thisHost } from "../host.ts";

edgeConformance("portable engine's edge", thisHost(portable));
