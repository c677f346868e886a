/** Prometheus's own tool, where it is installed (.ci/run does that). */
import { spawnSync } from "node:child_process";

export const noPromtool =
  spawnSync("promtool", ["--version"]).status === 0 ? false : "there is no promtool here (Debian: prometheus)";

/** What it says, and whether all is well. */
export function promtool(
  args: readonly string[],
  input = "",
  cwd?: string,
): { readonly ok: boolean; readonly said: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, {
    input,
    encoding: "utf8",
    cwd,
    maxBuffer: 64 * 2 ** 20,
  });
  return { ok: status === 0, said: `${stdout}${stderr}` };
}
