/** What this user may do in a folder, asked of the system by trying. */
import { accessSync, constants, lstatSync, mkdtempSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { isAbsence } from "./errors.ts";

/** Whether this user may make files in it. */
export function mayWriteIn(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return canMakeAFolder(folder); // in Deno, access() goes by the mode alone: it knows neither what root may nor groups
  }
}

function canMakeAFolder(folder: string): boolean {
  try {
    rmdirSync(mkdtempSync(join(folder, ".harmony-")));
    return true;
  } catch {
    return false;
  }
}

/** Whether this user would see a file in it. A folder that is not there hides nothing. */
export function maySee(folder: string): boolean {
  try {
    lstatSync(join(folder, "key")); // any name will do but ".", which some runtimes leave out
    return true;
  } catch (error) {
    return isAbsence(error);
  }
}
