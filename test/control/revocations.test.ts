/** Keys that were revoked are refused wherever they stand, and nothing else is. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { INSECURE_KEY, parseKey } from "../../src/control/keys/key.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { Revocations } from "../../src/control/keys/revocations.ts";
import { keepRevoked, parseRevoked } from "../../src/control/keys/revoked-file.ts";
import {
  fingerprintOfKey,
  MOST_REVOKED,
  type Revocation,
  revocationOf,
} from "../../src/control/protocol/revocation.ts";
import { AHEAD_MS } from "../../src/util/ahead.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";

const [ONE, TWO] = ["web:the-first-secret-of-web", "web:the-second-secret-of-web"] as const;
const OTHER = "db:a-secret-of-another-key";
const revoked = (line: string, at = 1_000): Revocation => revocationOf(parseKey(line, "a test"), "me@host a", at);

/** ms since 1970. */
const NOW = 4e12;

/** As many as are kept, all of the same time. */
function forged(at: number): Revocation[] {
  return Array.from({ length: MOST_REVOKED }, (_, n) => revoked(`f${n}:a-secret-that-is-long-${n}`, at));
}

const root = temporaryFolder("revoked");
after(removeFolders);
let count = 0;

/** What a balancer knows of keys whose files lie in a folder of its own. */
class Holder {
  readonly folder: string;
  readonly path: string;
  readonly clock = new ManualClock(0);
  /** ms since 1970. */
  now = NOW;
  readonly warnings: string[] = [];
  changes = 0;
  revocations!: Revocations;
  keys!: Keys;

  constructor(...lines: string[]) {
    this.folder = join(root, String(count++));
    mkdirSync(this.folder, { mode: 0o700 });
    this.path = join(this.folder, "key");
    this.write(...lines);
    this.start();
  }

  get files() {
    return { revoked: join(this.folder, "revoked"), like: this.path, reader: hostEnvironment() };
  }

  write(...lines: string[]): void {
    writeFileSync(this.path, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  }

  /** Anew, as after a restart. */
  start(): void {
    this.revocations = new Revocations(this.files, this.clock, () => this.now);
    this.keys = new Keys([INSECURE_KEY], this.path, hostEnvironment(), { revocations: this.revocations });
    this.keys.onWarning = (message) => this.warnings.push(message);
    this.keys.onChange = () => this.changes++;
  }

  look(): void {
    this.clock.advance(1_000);
    this.keys.refresh();
  }
}

describe("a revoked key", () => {
  it("is found no more, nor is it counted, and who has it in a file is told once; the others stay", () => {
    const holder = new Holder(ONE, OTHER);
    const before = holder.keys.find("web")!;
    assert.equal(holder.keys.accepts(before), true);
    holder.revocations.heed(revoked(ONE));
    holder.look();
    holder.look();
    assert.equal(holder.keys.find("web"), undefined);
    assert.equal(holder.keys.accepts(before), false);
    assert.deepEqual(holder.keys.ids(), ["insecure", "db"]);
    assert.equal(holder.keys.loaded.count, 1);
    assert.deepEqual([holder.keys.isRevoked("web"), holder.keys.isRevoked("db")], [true, false]);
    assert.equal(holder.changes, 1);
    assert.equal(holder.warnings.length, 1);
    assert.match(
      holder.warnings[0]!,
      /key "web" of .*key is refused: me@host-a has revoked it, at 1970-01-01T00:00:01/,
    );
    const shown = holder.keys.every().find(({ key }) => key.id === "web");
    assert.equal(shown?.revoked?.by, "me@host-a");
  });

  it("is none any more where another key has its name", () => {
    const holder = new Holder(ONE);
    holder.revocations.heed(revoked(ONE));
    holder.look();
    holder.write(TWO);
    holder.look();
    assert.notEqual(holder.keys.find("web"), undefined);
    holder.write(ONE);
    holder.look();
    assert.equal(holder.keys.find("web"), undefined);
  });

  it("stays so after a restart, and where its file is gone while the balancer runs", async () => {
    const holder = new Holder(ONE, OTHER);
    holder.revocations.heed(revoked(ONE));
    holder.look();
    await until("the file", () => existsSync(holder.files.revoked));
    holder.start();
    assert.equal(holder.keys.find("web"), undefined);
    assert.equal(holder.keys.loaded.count, 1);
  });

  it("is told to the group if it was revoked here, and not if it was elsewhere", async () => {
    const holder = new Holder(ONE, OTHER);
    const told: string[] = [];
    holder.revocations.onRevoked = (news) => void told.push(...news.map(({ name }) => name));
    holder.revocations.heed(revoked(ONE));
    await keepRevoked(holder.files, [revoked(OTHER)], NOW);
    holder.look();
    await until("the file with both", () => parseRevoked(readFileSync(holder.files.revoked, "utf8"), "f").size === 2);
    holder.look();
    assert.deepEqual(told, ["db"]);
    assert.deepEqual(holder.keys.ids(), ["insecure"]);
  });

  it("is refused though the file cannot be read or written any more, which is said once", async () => {
    const holder = new Holder(ONE, OTHER);
    writeFileSync(holder.files.revoked, "what is this?\n", { mode: 0o600 });
    holder.revocations.heed(revoked(ONE));
    holder.look();
    assert.equal(holder.keys.find("web"), undefined);
    await until("what is wrong", () => holder.warnings.some((text) => /revoked cannot be written/.test(text)));
    holder.look();
    assert.equal(holder.warnings.filter((text) => /what was revoked before stays so/.test(text)).length, 1);
    holder.clock.advance(10_000);
    writeFileSync(holder.files.revoked, "", { mode: 0o600 });
    holder.look();
    await until("it to be written", () => parseRevoked(readFileSync(holder.files.revoked, "utf8"), "f").size === 1);
  });

  it("that cannot be read at the start keeps the balancer from starting: it may accept nobody", () => {
    const holder = new Holder(ONE, OTHER);
    writeFileSync(holder.files.revoked, "what is this?\n", { mode: 0o600 });
    assert.throws(() => holder.start(), { code: "BAD_KEY", message: /revoked:1: it is no line/ });
  });
});

describe("the file of revoked keys", () => {
  it("never has a secret, nor does a fingerprint stand for another key", () => {
    assert.notEqual(fingerprintOfKey(parseKey(ONE, "")), fingerprintOfKey(parseKey(TWO, "")));
    assert.notEqual(
      fingerprintOfKey(parseKey(ONE, "")),
      fingerprintOfKey(parseKey(ONE.replace("web", "www"), "")),
      "a key is its name and its secret",
    );
  });

  it("keeps the newest of too many", async () => {
    const holder = new Holder(ONE);
    const many = Array.from({ length: MOST_REVOKED + 3 }, (_, n) => revoked(`k${n}:a-secret-that-is-long-${n}`, n));
    await keepRevoked(holder.files, many, NOW);
    const kept = parseRevoked(readFileSync(holder.files.revoked, "utf8"), "f");
    assert.equal(kept.size, MOST_REVOKED);
    assert.equal(kept.has(many[2]!.fingerprint), false);
    assert.equal(kept.has(many[3]!.fingerprint), true);
  });

  it("loses none that is revoked later to others that the group has dated ahead", async () => {
    for (const ahead of [AHEAD_MS / 2, 86_400_000]) {
      const holder = new Holder(ONE, OTHER);
      for (const each of forged(NOW + ahead)) holder.revocations.heed(each);
      const kept = () => parseRevoked(readFileSync(holder.files.revoked, "utf8"), "f");
      holder.look();
      await until("the file with all of them", () => existsSync(holder.files.revoked) && kept().size === MOST_REVOKED);
      for (const line of [ONE, OTHER]) {
        const { now } = holder;
        await keepRevoked(holder.files, [revoked(line, now)], now);
        holder.now += 1;
        holder.look();
      }
      for (const line of [ONE, OTHER]) {
        assert.ok(kept().has(revoked(line).fingerprint), "it is in the file");
        assert.ok(holder.revocations.all.has(revoked(line).fingerprint), "it is known");
      }
    }
  });

  it("that is full of what is dated ahead keeps what is revoked now, and later", async () => {
    for (const ahead of [1_000, 86_400_000]) {
      const holder = new Holder(ONE, OTHER);
      const kept = () => parseRevoked(readFileSync(holder.files.revoked, "utf8"), "f");
      await keepRevoked(holder.files, forged(NOW + ahead), NOW + ahead);
      await keepRevoked(holder.files, [revoked(ONE, NOW)], NOW);
      assert.ok(kept().has(revoked(ONE).fingerprint));
      const later = NOW + 2_000;
      await keepRevoked(holder.files, [revoked(OTHER, later)], later);
      assert.ok(kept().has(revoked(OTHER).fingerprint));
      if (ahead > AHEAD_MS) assert.ok(kept().has(revoked(ONE).fingerprint));
    }
  });

  it("tells nobody of one that is older than as many as are kept, while the file has it still", async () => {
    const holder = new Holder(ONE);
    const many = Array.from({ length: MOST_REVOKED }, (_, n) => revoked(`k${n}:a-secret-that-is-long-${n}`, n));
    await keepRevoked(holder.files, many, NOW);
    holder.start();
    const told: Revocation[] = [];
    holder.revocations.onRevoked = (news) => void told.push(...news);
    holder.revocations.heed(revoked(ONE, MOST_REVOKED));
    for (let n = 0; n < 3; n++) holder.look();
    assert.deepEqual(told, []);
    assert.equal(holder.revocations.all.size, MOST_REVOKED);
    assert.ok(holder.revocations.all.has(revoked(ONE).fingerprint));
    const kept = () => parseRevoked(readFileSync(holder.files.revoked, "utf8"), "f");
    await until("the file to have the new one", () => kept().has(revoked(ONE).fingerprint));
  });

  it("is read as it was written, whoever has revoked", async () => {
    const holder = new Holder(ONE);
    const all = new Map<string, Revocation>();
    const by = fc.string({ maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(
        by,
        fc.integer({ min: 0, max: 4e12 }),
        fc.stringMatching(/^[\w.-]{1,64}$/),
        async (who, at, id) => {
          const revocation = revocationOf({ id, secret: "a-secret-of-many-letters" }, who, at);
          if (!all.has(revocation.fingerprint)) all.set(revocation.fingerprint, revocation);
          await keepRevoked(holder.files, [revocation], NOW);
          const read = parseRevoked(readFileSync(holder.files.revoked, "utf8"), "f");
          assert.deepEqual(read.get(revocation.fingerprint), all.get(revocation.fingerprint));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("says where a line is none", () => {
    for (const line of [
      "x",
      "AAAAAAAAAAAAAAAAAAAAAA web never me",
      "AAAAAAAAAAAAAAAAAAAAAA we/b 2020-01-01T00:00:00Z me",
    ])
      assert.throws(() => parseRevoked(`# remark\n${line}\n`, "file"), { code: "BAD_KEY", message: /^file:2: / });
  });
});
