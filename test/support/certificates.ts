/** The certificates of test/fixtures/tls: as files for the programs, and as text. */
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./folder.ts";

const path = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const text = (name: string): string => readFileSync(path(name), "utf8");

/** A copy that only this user may read, in a temporary folder: everybody may read the files of a working copy. */
function secret(name: string): string {
  const copy = join(temporaryFolder("secret"), name);
  copyFileSync(path(name), copy);
  chmodSync(copy, 0o600);
  return copy;
}

/** Each look at `key` makes a copy of it, which `removeFolders()` removes. */
export const certificateFiles = {
  ca: path("ca.pem"),
  cert: path("server.pem"),
  get key(): string {
    return secret("server.key");
  },
} as const;

/** A second authority, and the certificate and key that it has signed: what the server's are renewed to. */
export const renewedFiles = {
  ca: path("renewed-ca.pem"),
  cert: path("renewed.pem"),
  get key(): string {
    return secret("renewed.key");
  },
} as const;

/** The authority that signed the server's certificate. */
export const ca: string = text("ca.pem");
/** The server's certificate and key. */
export const certificate = { cert: text("server.pem"), key: text("server.key") } as const;

export const renewedCa: string = text("renewed-ca.pem");
export const renewed = { cert: text("renewed.pem"), key: text("renewed.key") } as const;
