import { runtime } from "#runtime";
import { conformance } from "./conformance.ts";

conformance(`${runtime.name} ${runtime.version}`, runtime);
