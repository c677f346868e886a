/** The certificates of test/fixtures/tls: as files for the programs, and as text. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

export const files = { ca: path("ca.pem"), cert: path("server.pem"), key: path("server.key") } as const;

/** Who vouches for the server. */
export const ca: string = readFileSync(files.ca, "utf8");
/** What the server presents. */
export const server = { cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8") } as const;
