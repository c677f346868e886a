import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { INSECURE_KEY } from "../../src/control/keys/key.ts";
import { handshakeOf, helloLine, pskOfSecret } from "../../src/control/protocol/hello.ts";
import { generateKeyPair } from "../../src/control/protocol/x25519.ts";
import type { Judgement } from "../../src/control/server/handshake.ts";
import fc from "../support/draws.ts";
import { BALANCER, Door, KINDS, OWN, REPORTER, SEEN, SHARED } from "./hello.ts";

const [key, invited, join] = KINDS as [(typeof KINDS)[number], (typeof KINDS)[number], (typeof KINDS)[number]];
const code = (judgement: Judgement) => ("refused" in judgement ? judgement.refused.code : "proved");
const said = (judgement: Judgement): Record<string, unknown> =>
  "line" in judgement && judgement.line !== null ? JSON.parse(judgement.line) : {};
const ticketOf = (judgement: Judgement) => String(said(judgement).ticket);

for (const kind of KINDS) {
  const { claim, keys } = kind;
  describe(`the first line of a reporter that says hello as a ${claim.as}`, () => {
    it("proves it, and both sides seal and open what follows", () => {
      const door = new Door();
      const { judgement, finish } = door.meet(kind, { software: "x/2" });
      assert.ok("proved" in judgement);
      const { proved } = judgement;
      assert.equal(proved.hello.software, "x/2");
      assert.equal(proved.hello.local, "10.0.0.2:40000");
      assert.deepEqual(proved.claim, claim);
      const { line, seal } = proved.answer({ t: "welcome" });
      const reporter = finish(line);
      assert.deepEqual(reporter.body, { t: "welcome" });
      assert.deepEqual(seal.open(Buffer.from(reporter.seal.seal({ n: 1 }))), { n: 1 });
      assert.deepEqual(reporter.seal.open(Buffer.from(seal.seal({ n: 2 }))), { n: 2 });
    });

    it("is refused the second time, and not by the same reporter's next one", () => {
      const door = new Door();
      const { line } = door.meet(kind);
      assert.equal(code(door.judge(line)), "REPLAYED");
      assert.equal(code(door.judge(line, { ...SEEN, remote: { host: "10.0.0.9", port: 1 } })), "REPLAYED");
      assert.equal(code(door.meet(kind).judgement), "proved");
    });

    it("is refused by another process of the balancer that starts later", () => {
      const door = new Door();
      const { line } = door.meet(kind);
      door.clock.advance(1);
      const restarted = new Door({ wallClock: () => door.wall });
      assert.equal(code(restarted.judge(line)), "CLOCK");
    });

    it("needs a time within a minute of the balancer's, or a ticket", () => {
      const door = new Door();
      door.clock.advance(200_000);
      for (const off of [-60_000, 60_000]) {
        assert.equal(code(door.meet(kind, { time: door.wall + off }).judgement), "proved", `${off}`);
      }
      for (const off of [-60_001, 60_001, -1e12]) {
        const refused = door.meet(kind, { time: door.wall + off }).judgement;
        assert.equal(code(refused), "CLOCK", `${off}`);
        assert.equal(said(refused).retry, true);
        const ticket = ticketOf(refused);
        assert.equal(code(door.meet(kind, { time: door.wall + off, ticket }).judgement), "proved", `${off}`);
      }
    });

    it("with a ticket is refused the second time, and still when the ticket has expired or its time comes round", () => {
      const door = new Door();
      const time = door.wall + 300_000;
      const ticket = ticketOf(door.meet(kind, { time }).judgement);
      const { line, judgement } = door.meet(kind, { time, ticket });
      assert.equal(code(judgement), "proved");
      assert.equal(code(door.judge(line)), "REPLAYED");
      door.clock.advance(10_001);
      assert.equal(code(door.judge(line)), "CLOCK");
      door.clock.advance(289_999);
      assert.equal(code(door.judge(line)), "CLOCK");
    });

    it("takes a ticket for ten seconds, from the host it was given to, of this process alone", () => {
      const door = new Door();
      const time = 1;
      const ticket = ticketOf(door.meet(kind, { time }).judgement);
      const other = new Door();
      assert.equal(code(other.meet(kind, { time, ticket }).judgement), "CLOCK");
      const handshake = handshakeOf(claim, "initiator", keys);
      const line = helloLine(claim, handshake, { ...door.payload(), time, ticket });
      assert.equal(code(door.judge(line, { ...SEEN, remote: { host: "10.0.0.3", port: 40_000 } })), "CLOCK");
      door.clock.advance(10_000);
      assert.equal(code(door.meet(kind, { time, ticket }).judgement), "proved");
      door.clock.advance(1);
      assert.equal(code(door.meet(kind, { time, ticket }).judgement), "CLOCK");
    });

    it("with a ticket that another process has given is refused, though its time be right", () => {
      const door = new Door();
      const ticket = ticketOf(new Door().meet(kind, { time: 1 }).judgement);
      assert.equal(code(door.meet(kind, { ticket }).judgement), "CLOCK");
    });

    it("is refused where its ticket was changed", () => {
      const door = new Door();
      const ticket = Buffer.from(ticketOf(door.meet(kind, { time: 1 }).judgement), "base64");
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const changed = Buffer.from(ticket);
          changed[at % changed.length]! ^= flip;
          assert.equal(code(door.meet(kind, { time: 1, ticket: changed.toString("base64") }).judgement), "CLOCK");
        }),
        { numRuns: 20 },
      );
      for (const short of ["", "AAAA", ticket.subarray(1).toString("base64")]) {
        assert.equal(code(door.meet(kind, { time: 1, ticket: short }).judgement), "CLOCK");
      }
    });

    it("is not remembered where it proved nothing, or came at the wrong time", () => {
      const door = new Door();
      const off = door.meet(kind, { time: 1 });
      assert.deepEqual([code(door.judge(off.line)), code(door.judge(off.line))], ["CLOCK", "CLOCK"]);
    });

    it("proves nothing once any byte of it was changed", () => {
      const door = new Door();
      const line = Buffer.from(helloLine(claim, handshakeOf(claim, "initiator", keys), door.payload()));
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const changed = Buffer.from(line);
          changed[at % line.length]! ^= flip;
          const judgement = door.judge(changed);
          // Other white space says the same; nothing else may.
          assert.ok("refused" in judgement || JSON.stringify(JSON.parse(changed.toString())) === line.toString());
        }),
        { numRuns: 100 },
      );
    });

    it("fits, however long what the reporter says", () => {
      const payload = {
        time: Number.MAX_SAFE_INTEGER,
        software: "x".repeat(100),
        local: `[${"ffff:".repeat(7)}ffff]:65535`,
        remote: `[${"ffff:".repeat(7)}ffff]:65535`,
        ticket: Buffer.alloc(40).toString("base64"),
        name: "n".repeat(100),
      };
      const longest = "id" in claim ? { ...claim, id: "i".repeat(64) } : claim;
      assert.ok(helloLine(longest, handshakeOf(longest, "initiator", keys), payload).length < 1024);
    });
  });
}

describe("the first line of a stranger", () => {
  it("is told the same whether the key exists or not, and the log what is wrong", () => {
    const door = new Door();
    const wrong = door.meet({ ...key, keys: { psk: pskOfSecret("another secret altogether") } }).judgement;
    const unknown = door.meet({ claim: { as: "key", id: "nobody" }, keys: key.keys }).judgement;
    const ofInvited = door.meet({ claim: { as: "key", id: OWN.id }, keys: key.keys }).judgement;
    assert.deepEqual([wrong, unknown, ofInvited].map(code), ["BAD_KEY", "BAD_KEY", "BAD_KEY"]);
    for (const each of [unknown, ofInvited]) assert.deepEqual(said(each), said(wrong));
    assert.ok("refused" in wrong && "refused" in unknown);
    assert.equal(wrong.refused.message, `its secret is not the one of key "web" here`);
    assert.equal(unknown.refused.message, `there is no key "nobody" here`);
    assert.equal(wrong.named, `key "web"`);
  });

  it("who was started without a key is told apart in the log", () => {
    const insecure = {
      claim: { as: "key", id: INSECURE_KEY.id },
      keys: { psk: pskOfSecret(INSECURE_KEY.secret) },
    } as const;
    const { judgement } = new Door().meet(insecure);
    assert.ok("refused" in judgement && judgement.refused.message.includes("without a key (--insecure)"));
    assert.equal(code(new Door({}, INSECURE_KEY).meet(insecure).judgement), "proved");
  });

  it("who knows the balancer's public key alone is told nothing, and the log the key that he shows", () => {
    const stranger = { s: generateKeyPair(), rs: BALANCER.publicKey };
    const { judgement } = new Door().meet({ ...invited, keys: stranger });
    assert.equal(code(judgement), "BAD_KEY");
    assert.equal(said(judgement).reason, "the key is not accepted here");
    const shown = Buffer.from(stranger.s.publicKey).toString("base64url");
    assert.ok("refused" in judgement && judgement.refused.message.includes(shown));
  });

  it("who knows a reporter's public key, and not its private one, is refused", () => {
    // Its own private key with the public one of another: what it agrees on is not what that other would.
    const forged = { privateKey: generateKeyPair().privateKey, publicKey: REPORTER.publicKey };
    const { judgement } = new Door().meet({ ...invited, keys: { s: forged, rs: BALANCER.publicKey } });
    assert.equal(code(judgement), "BAD_KEY");
  });

  it("who means another balancer is refused, as by one that has invited nobody", () => {
    const elsewhere = { s: REPORTER, rs: generateKeyPair().publicKey };
    assert.equal(code(new Door().meet({ ...invited, keys: elsewhere }).judgement), "BAD_KEY");
    assert.equal(code(new Door({ identity: () => null }).meet(invited).judgement), "BAD_KEY");
    assert.equal(code(new Door({ identity: () => null }).meet(join).judgement), "BAD_INVITATION");
  });

  it("who has no invitation, or a wrong one, is told the same", () => {
    const door = new Door();
    const wrong = door.meet({ ...join, keys: { ...join.keys, psk: Buffer.alloc(32) } }).judgement;
    const unknown = door.meet({ ...join, claim: { as: "join", id: "zzzzzzzz" } }).judgement;
    assert.deepEqual([wrong, unknown].map(code), ["BAD_INVITATION", "BAD_INVITATION"]);
    assert.deepEqual(said(wrong), said(unknown));
  });

  it("cannot use a proof of one kind as one of another", () => {
    const door = new Door();
    for (const { claim, keys } of KINDS) {
      const line = helloLine(claim, handshakeOf(claim, "initiator", keys), door.payload());
      const { m } = JSON.parse(line);
      for (const other of [...KINDS.map((kind) => kind.claim), { as: "key", id: OWN.id } as const]) {
        if (JSON.stringify(other) === JSON.stringify(claim)) continue;
        assert.notEqual(code(door.judge(JSON.stringify({ t: "hello", v: 2, ...other, m }))), "proved");
      }
    }
  });

  it("is answered nothing where it is no hello, whatever it is", () => {
    const door = new Door();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (garbage) => {
          const judgement = door.judge(garbage);
          assert.ok("refused" in judgement && ["NOT_JSON", "BAD_MESSAGE"].includes(judgement.refused.code));
          assert.equal(judgement.line, null);
        },
      ),
    );
    for (const m of ["", "AA==", "?", "A".repeat(900), 5, null, "AB=="]) {
      const judgement = door.judge(JSON.stringify({ t: "hello", v: 2, as: "key", id: "web", m }));
      assert.ok(["BAD_MESSAGE", "BAD_KEY"].includes(code(judgement)), `${m}`);
    }
  });

  it("of version 1 is told what to do", () => {
    const v1 = { t: "hello", v: 1, key: "web", nonce: "00".repeat(32), software: "reporter/1" };
    const judgement = new Door().judge(JSON.stringify(v1));
    assert.deepEqual(said(judgement), {
      t: "reject",
      code: "BAD_VERSION",
      reason:
        "this balancer speaks version 2 of the control channel, the reporter version 1: update the reporter, so that both are of one release",
      retry: false,
    });
    const later = new Door().judge(JSON.stringify({ ...v1, v: 3 }));
    assert.match(String(said(later).reason), /version 3: update the balancer/);
  });
});

describe("a proved reporter", () => {
  it("whose payload breaks the rules hears which", () => {
    const handshake = handshakeOf(key.claim, "initiator", key.keys);
    const door = new Door();
    const judgement = door.judge(helloLine(key.claim, handshake, { ...door.payload(), local: "nowhere" }));
    assert.equal(code(judgement), "BAD_MESSAGE");
    assert.match(String(said(judgement).reason), /"local"/);
  });

  it("is named in the log without what could fake a line", () => {
    const { judgement } = new Door().meet(key, { software: "a\n\u001b[2Jb" });
    assert.ok("proved" in judgement);
    assert.equal(judgement.proved.hello.software, "a??[2Jb");
  });

  it("does not make another key's hellos be forgotten, and what of its own is forgotten is not taken either", () => {
    const door = new Door();
    const first = door.meet(key);
    const other = door.meet(invited);
    for (let n = 0; n < 1_100; n++) {
      door.clock.advance(1);
      door.meet(key);
    }
    assert.equal(code(door.judge(other.line)), "REPLAYED");
    assert.equal(code(door.judge(first.line)), "CLOCK");
  });

  it("is judged by the keys as they are now", () => {
    let current = [SHARED];
    const door = new Door({
      keys: { find: () => current[0], findByPublicKey: () => undefined, isRevoked: () => false },
    });
    assert.equal(code(door.meet(key).judgement), "proved");
    current = [];
    assert.equal(code(door.meet(key).judgement), "BAD_KEY");
    assert.equal(code(door.meet(invited).judgement), "BAD_KEY");
  });
});
