/** The two tokens that a balancer makes when it first has a port for its API: each alone in a file, so that curl and scrapers can take it from there. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createSecretFile, newSecret } from "./key-file.ts";
import { RIGHTS, type Right } from "./token.ts";
import type { TrustFiles } from "./trust-files.ts";

/** Beside the key file. */
export function tokenFile({ identity }: Pick<TrustFiles, "identity">, right: Right): string {
  return join(dirname(identity), `token-${right}`);
}

/** Where lines of tokens are: in the key file that is in use, or where there would be one, whose keys need not count. */
export function fileOfLines(inUse: string | null, named: string | null | undefined, { identity }: TrustFiles): string {
  return inUse ?? named ?? join(dirname(identity), "key");
}

/** Makes those that are not there. Throws the file system's error, or HarmonyError `BAD_KEY_FILE` where the file would be refused. */
export function makeTokenFiles(files: TrustFiles): void {
  for (const right of RIGHTS) {
    const path = tokenFile(files, right);
    if (!existsSync(path)) createSecretFile("token file", path, `${newSecret()}\n`, files.reader);
  }
}
