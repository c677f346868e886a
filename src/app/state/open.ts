/** Where the state file lies. */
import { existsSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import type { BalancerSettings } from "../../config/settings.ts";
import { type HostEnvironment, hostEnvironment } from "../../control/keys/key-places.ts";
import { trustFiles } from "../../control/keys/trust-files.ts";
import { systemClock } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import { StateFile, type StateFileOptions } from "./state-file.ts";

const NAME = "state.json";

/** null: nothing is kept. Throws `BAD_STATE` where a named file has no folder, since making that would hide a mistyped path. */
export function openState(
  settings: Pick<BalancerSettings, "state" | "keyFile" | "reporters">,
  onWarning: StateFileOptions["onWarning"],
  environment: HostEnvironment = hostEnvironment(),
): StateFile | null {
  const { state } = settings;
  if (state === "off") return null;
  const isOwnPlace = state === "auto";
  const path = isOwnPlace ? ownPlace(settings, environment) : state.path;
  if (!isOwnPlace && !existsSync(dirname(path))) {
    const why = `state file ${path} cannot be kept: there is no folder ${dirname(path)}. Make it, or name another place (--state)`;
    throw new HarmonyError("BAD_STATE", why, { fault: "config" });
  }
  return new StateFile({ path, isOwnPlace, clock: systemClock, wallClock: Date.now, onWarning });
}

/** What systemd gives a service (StateDirectory=harmony), or else beside the key file, or where that would be. */
function ownPlace(settings: Parameters<typeof trustFiles>[0], environment: HostEnvironment): string {
  const [given] = (environment.env.STATE_DIRECTORY ?? "").split(":");
  return given ? posix.join(given, NAME) : join(dirname(trustFiles(settings, environment).identity), NAME);
}
