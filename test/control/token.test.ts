/** The lines of tokens in a key file. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseGivenKey, parseKeyFile } from "../../src/control/keys/key.ts";
import { withLine, withoutLine } from "../../src/control/keys/key-lines.ts";
import { formatToken, parseTokenLine, parseTokens } from "../../src/control/keys/token.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const KEY = "web:a-secret-of-this-test";
const READ = `token name=grafana right=read secret=${SECRET}`;
const FILE = `# ours\n${KEY}\n\n  ${READ}\ntoken name=deploy right=act pool=web advertise=10.0.0.0/8 secret=${SECRET}d\n`;

describe("a token's line", () => {
  it("says its name, its right and what it is limited to, in any order", () => {
    const [grafana, deploy] = parseTokens(FILE, "key");
    assert.deepEqual(grafana, { name: "grafana", right: "read", pool: null, limits: {}, secret: SECRET });
    assert.deepEqual(
      [deploy!.name, deploy!.right, deploy!.pool, deploy!.secret],
      ["deploy", "act", "web", `${SECRET}d`],
    );
    assert.deepEqual(parseTokenLine(`token secret=${SECRET} right=read name=grafana`, "key"), grafana);
    for (const token of [grafana!, deploy!]) assert.deepEqual(parseTokenLine(formatToken(token), "key"), token);
  });

  it("is no key, and a key is no token", () => {
    assert.deepEqual(
      parseKeyFile(FILE, "key").map(({ id }) => id),
      ["web"],
    );
    assert.equal(parseGivenKey(`${KEY}\n${READ}\n`, "HARMONY_KEY").id, "web");
    assert.deepEqual(parseTokens(KEY, "key"), []);
    assert.deepEqual(parseTokens(`tokens:${SECRET}`, "key"), []);
  });

  it("is refused with its place, and without its secret", () => {
    for (const [line, why] of [
      [`token right=read secret=${SECRET}`, /needs name=/],
      [`token name=a/b right=read secret=${SECRET}`, /needs name=/],
      [`token name=socket right=read secret=${SECRET}`, /is taken/],
      [`token name=act right=act secret=${SECRET}`, /is taken/],
      [`token name=a secret=${SECRET}`, /needs right=/],
      [`token name=a right=write secret=${SECRET}`, /needs right=/],
      ["token name=a right=read", /needs secret=/],
      ["token name=a right=read secret=short", /32 or more/],
      [`token name=a right=read pool=a,b secret=${SECRET}`, /several pools/],
      [`token name=a right=read nat secret=${SECRET}`, /only keys have/],
      [`token name=a right=read name=b secret=${SECRET}`, /only limits may follow/],
      [`token name=a right=read ${SECRET}`, /needs secret=/],
      [`${READ}\n${READ}`, /second token/],
    ] as const) {
      assert.throws(
        () => parseTokens(line, "key"),
        ({ code, message }: Error & { code?: string }) =>
          code === "BAD_KEY" && /^key:\d/.test(message) && why.test(message) && !message.includes(SECRET),
        line,
      );
    }
  });
});

describe("a key file's text", () => {
  it("gets a line more, under a name that is free", () => {
    assert.equal(withLine(FILE, `other:${SECRET}`, "key"), `${FILE}other:${SECRET}\n`);
    assert.equal(withLine("a:0123456789abcdef", READ, "key"), `a:0123456789abcdef\n${READ}\n`);
    assert.throws(() => withLine(FILE, `web:${SECRET}`, "key"), /key "web" already/);
    assert.throws(() => withLine(FILE, READ, "key"), /token "grafana" already/);
    assert.ok(withLine(FILE, READ.replace("grafana", "web"), "key"), "a token may have a key's name");
  });

  it("loses the line that is meant, and nothing else", () => {
    assert.equal(withoutLine(FILE, { kind: "token", name: "grafana" }, "key"), FILE.replace(`  ${READ}\n`, ""));
    assert.equal(withoutLine(FILE, { kind: "key", name: "web" }, "key"), FILE.replace(`${KEY}\n`, ""));
    assert.equal(withoutLine(FILE, { kind: "key", name: "grafana" }, "key"), null);
  });
});
