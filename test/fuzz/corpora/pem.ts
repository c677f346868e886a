/** Certificates and keys as files bring them: named problems before the start, never an exception of the TLS library. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkAuthorities, checkCertificate } from "../../../src/config/pem.ts";
import fc from "../../support/draws.ts";
import { type Corpus, corpus } from "../corpus.ts";
import { mutated } from "../mutations.ts";

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url)), "utf8");
const CERTIFICATE = pem("server.pem");
const AUTHORITY = pem("ca.pem");
const KEY = pem("server.key");

const files = fc.constantFrom(CERTIFICATE, AUTHORITY, KEY, `${CERTIFICATE}${AUTHORITY}`, `${KEY}${CERTIFICATE}`);
const DICTIONARY = [
  "-----BEGIN CERTIFICATE-----\n",
  "-----END CERTIFICATE-----\n",
  "-----",
  "\n",
  "\0",
  "=",
  "PRIVATE KEY",
  KEY,
];
const file = mutated(files, DICTIONARY);

export const pems: Corpus = corpus("pem", fc.tuple(file, fc.oneof(file, fc.constant(KEY))), ([cert, key]) => {
  const problems: string[] = [];
  checkAuthorities({ option: "tls-ca", pem: cert }, problems);
  checkCertificate({ option: "admin-tls-cert", pem: cert }, { option: "admin-tls-key", pem: key }, problems);
  for (const problem of problems) assert.match(problem, /^(tls-ca|admin-tls-cert|admin-tls-key): /);
  return 2;
});
