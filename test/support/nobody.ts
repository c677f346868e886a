import { spawnSync } from "node:child_process";

/** How to run a program without root's rights: what goes before its command line, and the user it then is. */
export interface Unprivileged {
  readonly command: readonly string[];
  /** -1: the user who runs the tests, who is not root. */
  readonly uid: number;
}

/** As `nobody` where the tests run as root, else as they are; or why it cannot be done here. */
export function asNobody(): Unprivileged | string {
  if (process.getuid?.() !== 0) return { uid: -1, command: [] };
  const uid = Number(spawnSync("id", ["-u", "nobody"], { encoding: "utf8" }).stdout || Number.NaN);
  if (Number.isNaN(uid)) return "there is no user nobody to be instead of root";
  const command = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const { status } = spawnSync(command[0]!, [...command.slice(1), "true"]);
  return status === 0 ? { uid, command } : "setpriv, to be nobody instead of root, does not work here";
}
