/** The certificates of test/fixtures/tls: as files for the programs, and as text. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

/** A second authority, and the certificate and key that it has signed: what the server's are renewed to. */
export const renewedFiles = {
  ca: path("renewed-ca.pem"),
  cert: path("renewed.pem"),
  key: path("renewed.key"),
} as const;

export const certificateFiles = { ca: path("ca.pem"), cert: path("server.pem"), key: path("server.key") } as const;

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
