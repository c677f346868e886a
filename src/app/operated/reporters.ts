/** Reporters that are connected, and the keys that may be used, as the API shows them. */
import type { Key, Reporter } from "../../admin/api/schemas/people.ts";
import { INSECURE_KEY, isOwn, type Key as KeyOf } from "../../control/keys/key.ts";
import type { Keys } from "../../control/keys/keys.ts";
import { formatLimits } from "../../control/keys/limits.ts";
import type { Token } from "../../control/keys/token.ts";
import { tokenFile } from "../../control/keys/token-files.ts";
import type { SessionView } from "../../control/server/sessions.ts";
import { formatAddress } from "../../util/address.ts";
import type { Trust } from "../invited.ts";
import { timeText } from "./targets.ts";

export function shownReporters(sessions: readonly SessionView[]): Reporter[] {
  return sessions.map(({ key, remote, software, connectedAt, lastReport, isSilent, targets }) => ({
    key: key.id,
    kind: key.id === INSECURE_KEY.id ? "insecure" : kindOf(key),
    address: formatAddress(remote),
    software,
    connectedAt: timeText(connectedAt),
    lastReport: lastReport === null ? null : timeText(lastReport),
    isSilent,
    targets: [...targets],
  }));
}

/** Without the one that everybody knows, and never with a secret. */
export function shownKeys(keys: Keys): Key[] {
  const shown = keys.every().filter(({ key }) => key !== INSECURE_KEY);
  return shown.map(({ key, file, revoked }) => ({
    id: key.id,
    kind: kindOf(key),
    right: null,
    limits: formatLimits(key.limits),
    file,
    revoked: revoked && { by: revoked.by, at: timeText(revoked.at) },
  }));
}

/** The two that the balancer makes are called after their rights: they have files of their own. */
export function shownTokens(tokens: readonly Token[], { files, keys }: Pick<Trust, "files" | "keys">): Key[] {
  return tokens.map(({ name, right, limits }) => ({
    id: name,
    kind: "token",
    right,
    limits: formatLimits(limits),
    file: name === right ? tokenFile(files, right) : keys.loaded.file,
    revoked: null,
  }));
}

function kindOf(key: KeyOf): "shared" | "invited" {
  return isOwn(key) ? "invited" : "shared";
}
