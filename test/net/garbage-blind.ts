/** Takes all the descriptors that it can get, and looks for garbage then. Prints how many it took. */
import { openSync } from "node:fs";
import { devNull } from "node:os";
import { runtime } from "#runtime";
import { codeOf } from "../../src/util/errors.ts";

let taken = 0;
for (let code: unknown = null; code === null; ) {
  try {
    openSync(devNull, "r");
    taken++;
  } catch (error) {
    code = codeOf(error);
  }
}
runtime.lookForGarbage?.(16 * 1024 * 1024);
console.log(JSON.stringify({ taken }));
