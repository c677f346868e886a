import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { formatInvitation, parseInvitation } from "../../src/control/keys/invitation-code.ts";
import { Invitations } from "../../src/control/keys/invitations.ts";
import { formatLimits, parseLimits } from "../../src/control/keys/limits.ts";
import { parseReporters } from "../../src/control/keys/reporters-file.ts";
import fc from "../support/draws.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const BALANCER = new Uint8Array(32).fill(9);
const key = (number: number) => new Uint8Array(32).fill(number);
const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

class Office {
  readonly folder = temporaryFolder("invitations");
  readonly reporters = join(this.folder, "reporters");
  readonly file = join(this.folder, "invitations");
  time = START;
  readonly invitations = this.another();

  /** As another program, or a balancer that shares the files, sees them. */
  another(): Invitations {
    const places = { invitations: this.file, reporters: this.reporters, like: this.folder };
    return new Invitations(
      places,
      (name) => name === "shared",
      () => this.time,
    );
  }

  /** The id of a new one. */
  async invite(name = "web", uses = 1, words = "pool=web port=8080"): Promise<string> {
    const limits = parseLimits(words.split(" ").filter(Boolean), "test");
    const text = await this.invitations.create({ name, uses, limits, until: this.time + HOUR, publicKey: BALANCER });
    return Buffer.from(parseInvitation(text).id).toString("base64url");
  }

  get entered(): string[] {
    if (!existsSync(this.reporters)) return [];
    const all = parseReporters(readFileSync(this.reporters, "utf8"), "reporters");
    return all.map(({ id, publicKey, limits }) => [id, publicKey[0], ...formatLimits(limits)].join(" "));
  }
}

describe("the code of an invitation", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const invitation = fc.record({ id: bytes(6), secret: bytes(16), publicKey: bytes(32) }, { noNullPrototype: true });

  it("says what it was made of, whatever stands around it", () => {
    fc.assert(
      fc.property(invitation, (given) => {
        const text = formatInvitation(given);
        assert.match(text, /^hi1-[A-Za-z0-9_-]{75}$/);
        assert.deepEqual(parseInvitation(` ${text}\r\n`), given);
      }),
    );
  });

  it("is refused where a character is missing, too many, exchanged or another one, and is not shown", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    fc.assert(
      fc.property(invitation, fc.nat(74), fc.constantFrom(...alphabet), fc.nat(2), (given, at, other, how) => {
        const text = formatInvitation(given).slice(4);
        const [before, letter, rest] = [text.slice(0, at), text[at], text.slice(at + 1)];
        fc.pre(letter !== other);
        const wrong = [before + rest, before + other + rest, `${before}${other}${letter}${rest}`][how]!;
        // Two bytes let one typing error in 65,536 past, which a balancer then does not know.
        try {
          parseInvitation(`hi1-${wrong}`);
          assert.equal(wrong.length, 75);
        } catch (error) {
          const { message } = error as Error;
          assert.match(message, /^the invitation (is incomplete|has too many characters|is mistyped)/);
          assert.ok(!message.includes(wrong));
        }
      }),
    );
    const text = formatInvitation({ id: key(1).slice(26), secret: key(2).slice(16), publicKey: BALANCER });
    for (let at = 4; at < text.length; at += 1) {
      const other = text[at] === "A" ? "B" : "A";
      assert.throws(() => parseInvitation(text.slice(0, at) + other + text.slice(at + 1)), code("BAD_INVITATION"));
    }
  });

  it("is refused with any other last character, also with one that stands for the same bytes", () => {
    const text = formatInvitation({ id: key(1).slice(26), secret: key(2).slice(16), publicKey: BALANCER });
    for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
      if (letter === text.at(-1)) continue;
      assert.throws(() => parseInvitation(text.slice(0, -1) + letter), code("BAD_INVITATION"));
    }
  });

  it("of another kind is refused in words that fit", () => {
    assert.throws(() => parseInvitation("hi2-abc"), /later version of Harmony: update/);
    for (const text of ["", "hi1", "web:0123456789abcdef"])
      assert.throws(() => parseInvitation(text), /is no invitation/);
  });
});

describe("an invitation", () => {
  it("lets one reporter in, with its name and limits", async () => {
    const office = new Office();
    const id = await office.invite();
    assert.equal(office.invitations.find(id)?.name, "web");
    assert.equal(await office.invitations.redeem(id, key(1), "host-1"), "web");
    assert.deepEqual(office.entered, ["web 1 pool=web port=8080"]);
    await assert.rejects(office.invitations.redeem(id, key(2)), code("USED_UP"));
    assert.deepEqual(office.entered.length, 1);
    assert.deepEqual(office.invitations.open(), []);
    if (process.platform === "win32") return;
    for (const file of [office.file, office.reporters]) assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it("is redeemed again by the same key, also once it is used up, and by another balancer that shares the files", async () => {
    const office = new Office();
    const id = await office.invite();
    assert.equal(await office.invitations.redeem(id, key(1)), "web");
    assert.equal(await office.invitations.redeem(id, key(1)), "web");
    assert.equal(await office.another().redeem(id, key(1)), "web");
    assert.deepEqual(office.entered.length, 1);
  });

  it("brings nobody back whose line was taken out, not even with uses left", async () => {
    const office = new Office();
    const id = await office.invite("web", 3);
    const name = await office.invitations.redeem(id, key(1), "host");
    writeFileSync(office.reporters, readFileSync(office.reporters, "utf8").replace(`${name} `, "# "));
    await assert.rejects(office.invitations.redeem(id, key(1), "host"), code("REVOKED"));
    assert.deepEqual(office.entered, []);
  });

  it("that was counted but not entered, since the balancer was ended between, is entered at the next attempt", async () => {
    const office = new Office();
    const id = await office.invite();
    await office.invitations.redeem(id, key(1));
    writeFileSync(office.file, readFileSync(office.file, "utf8").replace(":entered", ""));
    writeFileSync(office.reporters, "# empty\n");
    await assert.rejects(office.invitations.redeem(id, key(2)), code("USED_UP"));
    assert.equal(await office.invitations.redeem(id, key(1)), "web");
    assert.deepEqual(office.entered, ["web 1 pool=web port=8080"]);
  });

  it("is over when its time is, and is forgotten a day later", async () => {
    const office = new Office();
    const id = await office.invite();
    office.time += HOUR;
    await assert.rejects(office.invitations.redeem(id, key(1)), code("EXPIRED"));
    assert.deepEqual(office.invitations.open(), []);
    assert.ok(office.invitations.find(id), "so that its holder can be told");
    office.time += 25 * HOUR;
    await office.invite("other");
    assert.equal(office.invitations.find(id), undefined);
    await assert.rejects(office.invitations.redeem(id, key(1)), code("WITHDRAWN"));
  });

  it("is withdrawn with its line", async () => {
    const office = new Office();
    const id = await office.invite();
    writeFileSync(office.file, "# nobody\n");
    assert.equal(office.invitations.find(id), undefined);
    await assert.rejects(office.invitations.redeem(id, key(1)), code("WITHDRAWN"));
  });

  it("for several names them after their hosts, or counts, and gives no name twice", async () => {
    const office = new Office();
    writeFileSync(office.reporters, `web-2 ${Buffer.from(key(50)).toString("base64url")}\n`, { mode: 0o600 });
    const id = await office.invite("web", 6);
    const hosts = ["a.example.com", "a", "", "not / a name", "!", "..\u0000.."];
    const names: string[] = [];
    for (const [index, host] of hosts.entries()) names.push(await office.invitations.redeem(id, key(index + 1), host));
    assert.deepEqual(names, ["web-a", "web-1", "web-3", "web-not-a-name", "web--", "web-4"]);
    await assert.rejects(office.invitations.redeem(id, key(7)), code("USED_UP"));
  });

  it("for several leaves alone the names of those that are invited by theirs, and none has the name of --insecure", async () => {
    const office = new Office();
    const one = await office.invite("web-a");
    const id = await office.invite("web", 2);
    assert.equal(await office.invitations.redeem(id, key(1), "a"), "web-1");
    assert.equal(await office.invitations.redeem(one, key(2), "a"), "web-a");
    await assert.rejects(office.invite("insecure"), code("NAME_TAKEN"));
  });

  it("that many redeem at the same time, at two balancers, lets as many in as it says", async () => {
    const office = new Office();
    const id = await office.invite("web", 5);
    const balancers = [office.another(), office.another()];
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => balancers[index % 2]!.redeem(id, key(index + 1), "host")),
    );
    assert.equal(all.filter(({ status }) => status === "fulfilled").length, 5);
    assert.equal(new Set(office.entered.map((line) => line.split(" ")[0])).size, 5);
  });

  it("for one has a name that is free when it is made and when it is redeemed", async () => {
    const office = new Office();
    const [first, second] = [await office.invite(), await office.invite()];
    await office.invitations.redeem(first, key(1));
    await assert.rejects(office.invitations.redeem(second, key(2)), code("NAME_TAKEN"));
    await assert.rejects(office.invite("web"), code("NAME_TAKEN"));
    await assert.rejects(office.invite("shared"), code("NAME_TAKEN"));
  });

  it("enters no second line of a name that somebody else got while it was redeemed: nobody could be entered after that", async () => {
    const office = new Office();
    const ids = [await office.invite(), await office.invite()];
    const both = await Promise.allSettled(ids.map((id, at) => office.another().redeem(id, key(at + 1))));
    const [failed] = both.filter((each) => each.status === "rejected");
    assert.equal((failed?.reason as { code?: string } | undefined)?.code, "NAME_TAKEN");
    assert.equal(office.entered.length, 1);
    // Counted, and not entered since the balancer was ended between; meanwhile another has the name.
    const id = await office.invite("db");
    await office.invitations.redeem(id, key(3));
    writeFileSync(office.file, readFileSync(office.file, "utf8").replaceAll(":entered", ""));
    const taken = `db ${Buffer.from(key(4)).toString("base64url")}\n`;
    writeFileSync(office.reporters, taken);
    await assert.rejects(office.invitations.redeem(id, key(3)), code("NAME_TAKEN"));
    assert.equal(readFileSync(office.reporters, "utf8"), taken);
  });

  it("goes on as before while its file is broken, which is told", async () => {
    const office = new Office();
    const id = await office.invite();
    office.invitations.find(id);
    const warnings: string[] = [];
    office.invitations.onWarning = (message) => warnings.push(message);
    const secret = readFileSync(office.file, "utf8").match(/^\S{8} (\S{22})/m)![1]!;
    for (const line of [
      `id ${secret}`,
      `AAAAAAAA ${secret} web uses=0 until=2026-01-01T00:00:00Z`,
      `AAAAAAAA ${secret} web uses=1 until=x`,
    ]) {
      writeFileSync(office.file, `${line}\n`);
      assert.ok(office.invitations.find(id));
      assert.match(warnings.at(-1)!, /invitations:1: a line is .*; the invitations read before stay valid$/);
      assert.ok(!warnings.at(-1)!.includes(secret));
    }
    assert.equal(warnings.length, 3);
  });

  it("cannot be redeemed where the files cannot be written", async () => {
    const office = new Office();
    const id = await office.invite();
    writeFileSync(office.reporters, "web broken\n", { mode: 0o600 });
    await assert.rejects(office.invitations.redeem(id, key(1)), (error) =>
      /^BAD_KEY/.test((error as { code: string }).code),
    );
    assert.equal(readFileSync(office.reporters, "utf8"), "web broken\n");
  });
});
