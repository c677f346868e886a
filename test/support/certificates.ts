/** The certificates of test/fixtures/tls: as files for the programs, and as text. */
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const secrets = mkdtempSync(join(tmpdir(), "harmony-secrets-"));
process.on("exit", () => rmSync(secrets, { recursive: true, force: true }));

const path = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

/** A copy that only this user may read: everybody may read the files of a working copy. */
function secret(name: string): string {
  const copy = join(secrets, name);
  copyFileSync(path(name), copy);
  chmodSync(copy, 0o600);
  return copy;
}

/** A second authority, and the certificate and key that it has signed: what the server's are renewed to. */
export const renewedFiles = {
  ca: path("renewed-ca.pem"),
  cert: path("renewed.pem"),
  key: secret("renewed.key"),
} as const;

export const certificateFiles = { ca: path("ca.pem"), cert: path("server.pem"), key: secret("server.key") } as const;

/** The authority that signed the server's certificate. */
export const ca: string = readFileSync(certificateFiles.ca, "utf8");
/** The server's certificate and key. */
export const certificate = {
  cert: readFileSync(certificateFiles.cert, "utf8"),
  key: readFileSync(certificateFiles.key, "utf8"),
} as const;

export const renewedCa: string = readFileSync(renewedFiles.ca, "utf8");
export const renewed = {
  cert: readFileSync(renewedFiles.cert, "utf8"),
  key: readFileSync(renewedFiles.key, "utf8"),
} as const;
