/** For commands that write where a balancer keeps its keys. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { userName } from "../control/keys/key-places.ts";
import type { TrustFiles } from "../control/keys/trust-files.ts";
import { HarmonyError } from "../util/errors.ts";
import { mayWriteIn } from "../util/folder-access.ts";

const GROUP_READS = 0o040;

/** What another user made here the balancer would not read. Root gives it to the owner. */
export function checkUser({ like, identity }: TrustFiles): void {
  const folder = dirname(identity);
  const who = userName();
  if (!existsSync(folder)) throw cannot(`there is no folder ${folder}: name a file in another one with --reporters`);
  if (!mayWriteIn(folder))
    throw cannot(`${who} may not write in ${folder}: run this as the user that the balancer runs as, or as root`);
  const stat = statSync(like);
  const { uid, mode } = stat;
  const user = process.geteuid?.();
  if (user === undefined || user === 0 || user === uid || (stat.isFile() && (mode & GROUP_READS) !== 0)) return;
  throw cannot(
    `${like} belongs to another user (id ${uid}), and a balancer of that user would not read what ${who} writes beside it: ` +
      "run this as that user, or as root",
  );
}

function cannot(why: string): HarmonyError {
  return new HarmonyError("UNWRITABLE", why, { fault: "balancer" });
}
