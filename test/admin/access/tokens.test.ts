/** The tokens that count: of the key file, of the balancer's own files, and of pages that have signed in. */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { SignInCodes } from "../../../src/admin/access/sign-in.ts";
import { Tokens } from "../../../src/admin/access/tokens.ts";
import { hostEnvironment } from "../../../src/control/keys/key-places.ts";
import { makeTokenFiles, tokenFile } from "../../../src/control/keys/token-files.ts";
import { trustFiles } from "../../../src/control/keys/trust-files.ts";
import { ManualClock } from "../../support/clock.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";

after(removeFolders);

const posix = process.platform === "win32" && "no file modes on Windows";
const SECRET = "0123456789abcdef0123456789abcdef";

function place(text = "") {
  const keyFile = join(temporaryFolder("tokens"), "key");
  const write = (lines: string) => {
    rmSync(keyFile, { force: true });
    writeFileSync(keyFile, lines, { mode: 0o600 });
  };
  if (text !== "") write(text);
  const files = trustFiles({ keyFile }, hostEnvironment());
  const warnings: string[] = [];
  const tokens = new Tokens(keyFile, files);
  tokens.onWarning = (message) => warnings.push(message);
  return { keyFile, files, write, tokens, warnings };
}

const LINE = `token name=grafana right=read secret=${SECRET}\n`;

describe("tokens", () => {
  it("are those of the key file, as it is now; keys are none", () => {
    const { tokens, write } = place(`web:a-secret-of-a-key-that-is-none\n${LINE}`);
    assert.equal(tokens.find(SECRET)?.name, "grafana");
    assert.equal(tokens.find("a-secret-of-a-key-that-is-none"), undefined);
    assert.equal(tokens.find(`web:a-secret-of-a-key-that-is-none`), undefined);
    assert.equal(tokens.find(""), undefined);
    write("web:a-secret-of-a-key-that-is-none\n");
    assert.equal(tokens.find(SECRET), undefined);
  });

  it("stay as they were while the file is wrong, which is told once", () => {
    const { tokens, write, warnings } = place(LINE);
    write(`${LINE}token name=broken right=all secret=${SECRET}x\n`);
    for (let n = 0; n < 3; n++) assert.equal(tokens.find(SECRET)?.name, "grafana");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /right=read or right=act.*stay valid/);
    assert.ok(!warnings[0]!.includes(SECRET));
  });

  it("are made once beside the key, for their user alone, and gone with their file", { skip: posix }, () => {
    const { tokens, files } = place();
    assert.deepEqual(tokens.all(), []);
    makeTokenFiles(files);
    const path = tokenFile(files, "act");
    const secret = readFileSync(path, "utf8").trim();
    makeTokenFiles(files);
    assert.equal(readFileSync(path, "utf8").trim(), secret);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(
      { ...tokens.find(secret), secret: "" },
      { name: "act", right: "act", pool: null, limits: {}, secret: "" },
    );
    rmSync(path);
    assert.equal(tokens.find(secret), undefined);
    assert.deepEqual(
      tokens.all().map(({ name }) => name),
      ["read"],
    );
  });

  it("are not taken from a file that others may read", { skip: posix }, () => {
    const { tokens, files, warnings } = place();
    makeTokenFiles(files);
    const path = tokenFile(files, "act");
    chmodSync(path, 0o644);
    assert.equal(tokens.find(readFileSync(path, "utf8").trim()), undefined);
    assert.match(warnings.join(), /open to other users/);
  });
});

describe("a page that has signed in", () => {
  it("has its token's right until it is over, over a restart as well", () => {
    const { tokens, keyFile, files } = place(LINE);
    const { token, until } = tokens.signIn(tokens.named("grafana")!, 1_000);
    assert.ok(!token.includes(SECRET));
    assert.equal(tokens.find(token, until - 1)?.name, "grafana");
    assert.equal(new Tokens(keyFile, files).find(token, until - 1)?.name, "grafana");
    assert.equal(tokens.find(token, until), undefined);
  });

  it("loses it with the token, and with its secret", () => {
    const { tokens, write } = place(LINE);
    const { token } = tokens.signIn(tokens.named("grafana")!);
    write(LINE.replace(SECRET, `${SECRET}x`));
    assert.equal(tokens.find(token), undefined);
  });

  it("cannot make itself more than it is", () => {
    const { tokens } = place(`${LINE}token name=deploy right=act secret=${SECRET}y\n`);
    const { token, until } = tokens.signIn(tokens.named("grafana")!);
    for (const other of [
      token.replace("grafana", "deploy"),
      token.replace(String(until), String(until + 1)),
      `${token}x`,
      token.slice(0, -1),
      "session~grafana~~",
      "session~~~",
      "session~nobody~99999999999999~x",
    ])
      assert.equal(tokens.find(other), undefined, other);
  });
});

describe("the code of a link", () => {
  it("is good once, and for two minutes", () => {
    const clock = new ManualClock();
    const codes = new SignInCodes(clock);
    const [code, late] = [codes.make("act"), codes.make("read")];
    assert.equal(codes.take("another"), null);
    assert.equal(codes.take(code), "act");
    assert.equal(codes.take(code), null);
    clock.advance(120_000);
    assert.equal(codes.take(late), null);
  });

  it("gives way to newer ones when there are too many", () => {
    const codes = new SignInCodes(new ManualClock());
    const all = Array.from({ length: 70 }, () => codes.make("act"));
    assert.equal(all.filter((code) => codes.take(code) !== null).length, 64);
  });
});
