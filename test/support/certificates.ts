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

/** What `namesCa` has signed: for exact.names.test and second.names.test, for *.names.test, and of a client. */
export const exactFiles = {
  cert: path("exact.pem"),
  get key(): string {
    return secret("exact.key");
  },
} as const;
export const wildcardFiles = {
  cert: path("wildcard.pem"),
  get key(): string {
    return secret("wildcard.key");
  },
} as const;
export const clientFiles = {
  cert: path("client.pem"),
  get key(): string {
    return secret("client.key");
  },
} as const;

/** What OCSP says of it, for those who do not look at signatures. */
export function ocspFile(of: "server" | "server-renewed" | "exact"): string {
  return path(`${of}-ocsp.der`);
}

export const namesCaFile: string = path("names-ca.pem");
export const namesCa: string = text("names-ca.pem");
export const exact = { cert: text("exact.pem"), key: text("exact.key") } as const;
export const clientCertificate = { cert: text("client.pem"), key: text("client.key") } as const;
