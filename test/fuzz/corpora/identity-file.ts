/** The file with a program's own key: whatever stands in it, nothing of the key is said. */
import assert from "node:assert/strict";
import { parseIdentity } from "../../../src/control/keys/identity.ts";
import fc from "../../support/draws.ts";
import { assertKeepsSecret, type Corpus, corpus, refusedWith } from "../corpus.ts";
import { mutated } from "../mutations.ts";

const SECRET = Buffer.from("0123456789abcdef0123456789ABCDEF").toString("base64url");
const PUBLIC = Buffer.alloc(32, 5).toString("base64url");
const lines = [
  `balancer balancer.example:1666 ${PUBLIC} web`,
  `balancer [::1]:1666 ${PUBLIC} web-2`,
  `next ${SECRET}`,
  "# a remark",
  "",
];
const file = fc.subarray(lines).map((some) => [`private ${SECRET}`, ...some].join("\n"));
const DICTIONARY = ["private", "next", "balancer", PUBLIC, "\n", "\r", " ", "#", "[", "]", ":", ":99999", "\0"];

export const identityFiles: Corpus = corpus("identity-files", mutated(file, DICTIONARY), (text) => {
  const read = refusedWith(["BAD_IDENTITY"], () => parseIdentity(text, "identity"));
  if (!("value" in read)) assertKeepsSecret(read.message, SECRET);
  else for (const { host, port } of read.value.balancers) assert.ok(host !== "" && port <= 99_999);
  return undefined;
});
