import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openEdge } from "../../src/edge/edge.ts";
import { innerTlvs } from "../../src/edge/inner-header.ts";
import { writeProxyHeader } from "../../src/edge/proxy-header/write.ts";
import { ADMITTED, type Decided, NO_CLAIM, type Reception, type Refused, type Step } from "../../src/edge/reception.ts";
import { REFUSALS, RefusalCounters, refusalNumber } from "../../src/edge/refusals.ts";
import type { EdgeRules } from "../../src/edge/rules.ts";
import { amount } from "../support/amount.ts";
import { clientHello, join, latin1 } from "../support/client-hellos.ts";
import fc from "../support/draws.ts";
import { addressSet, clientLimits, edgeRules, route, wordsOf } from "./helpers.ts";

const PROXY = "192.0.2.9";
const NOW = 1000;

function edgeOf(rules: Partial<EdgeRules>) {
  return openEdge(edgeRules(rules), 0);
}

function headerOf(host: string, port = 4711): Uint8Array {
  return writeProxyHeader(2, { client: { host, port }, destination: { host: "198.51.100.1", port: 443 } });
}

/** Gives all of the bytes, and what follows a "consume" again. */
function receive(
  reception: Reception,
  bytes: Uint8Array,
): { end: Exclude<Step, { type: "consume" }>; consumed: number } {
  let consumed = 0;
  for (;;) {
    const end = reception.step(bytes.subarray(consumed), NOW);
    if (end.type !== "consume") return { end, consumed };
    consumed += end.length;
  }
}

function decided(step: Step): Decided {
  assert.equal(step.type, "decided", JSON.stringify(step));
  return step as Decided;
}

function reasonOf(step: Step): string {
  assert.equal(step.type, "refused", JSON.stringify(step));
  return REFUSALS[(step as Refused).refusal]!;
}

it("a header that names the address of nobody is none: lists and limits would let it through", () => {
  const edge = edgeOf({ senders: addressSet(PROXY), allow: addressSet("10.0.0.0/8") });
  const headers = [
    latin1("PROXY TCP6 :: ::1 1 2\r\n"),
    latin1("PROXY TCP6 0:0:0:0:0:0:0:0 ::1 1 2\r\n"),
    // Version 2, PROXY, TCP over IPv6, 36 bytes: from :: to ::.
    join(latin1("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"), new Uint8Array(36)),
  ];
  for (const header of headers) {
    assert.equal(reasonOf(receive(edge.receive(wordsOf(PROXY), 0, 1), header).end), "bad-header");
  }
});

describe("a peer of a listener without PROXY headers", () => {
  it("is turned away at accept where it is denied, or not among those who are allowed", () => {
    const rules = edgeRules({ allow: addressSet("10.0.0.0/8"), deny: addressSet("10.0.0.1") });
    const edge = openEdge(rules, 0);
    const denied = refusalNumber("denied");
    assert.deepEqual(
      ["10.0.0.2", "10.0.0.1", "192.0.2.1", "2001:db8::1"].map((host) => edge.admitPeer(wordsOf(host), 0)),
      [ADMITTED, denied, denied, denied],
    );
    assert.equal(new RefusalCounters(rules.counters).read().denied, 3);
    assert.deepEqual([edge.reads, edge.plainRoute], [false, 0]);
  });

  it("is not asked for an address where it has none, as on Unix sockets", () => {
    const edge = edgeOf({ allow: addressSet("10.0.0.0/8"), limits: clientLimits({ connections: 1 }) });
    assert.equal(edge.admitPeer(wordsOf(""), 0), ADMITTED);
    assert.deepEqual(
      [1, 2].map(() => edge.admitClient(wordsOf(""), 0, NOW)),
      [NO_CLAIM, NO_CLAIM],
    );
  });

  it("has as many connections as it may, for which it gives a claim, and comes as often as it may", () => {
    const edge = edgeOf({ limits: clientLimits({ connections: 1, rate: 10, burst: 2 }) });
    const client = wordsOf("10.0.0.1");
    const claim = edge.admitClient(client, 0, NOW);
    assert.ok(claim > NO_CLAIM);
    assert.equal(edge.admitClient(client, 0, NOW), ~refusalNumber("client-connections"));
    edge.release(claim);
    edge.release(edge.admitClient(client, 0, NOW));
    assert.equal(edge.admitClient(client, 0, NOW), ~refusalNumber("client-rate"));
  });

  it("gets the listener's answer for address and limits, and a reset for all else", () => {
    const edge = edgeOf({ refuse: { type: "tarpit", ms: 7 } });
    for (const refusal of REFUSALS) {
      const own = ["denied", "client-connections", "client-rate"].includes(refusal);
      assert.equal(edge.answerTo(refusalNumber(refusal)).type, own ? "tarpit" : "reset", refusal);
    }
  });
});

describe("a PROXY header", () => {
  const senders = addressSet(`${PROXY}/32`);

  it("is taken from those who may send one, and from peers on Unix sockets; of all others nothing is", () => {
    const edge = edgeOf({ senders });
    assert.equal(edge.admitPeer(wordsOf("192.0.2.8"), 0), refusalNumber("untrusted-sender"));
    assert.deepEqual([edge.admitPeer(wordsOf(PROXY), 0), edge.admitPeer(wordsOf(""), 0)], [ADMITTED, ADMITTED]);
  });

  it("makes the client of whom it names: lists and limits ask for that one", () => {
    const edge = edgeOf({ senders, deny: addressSet("10.0.0.2", PROXY), limits: clientLimits({ connections: 1 }) });
    const one = decided(receive(edge.receive(wordsOf(PROXY), 0, 99), headerOf("10.0.0.1")).end);
    assert.deepEqual(one.client, { host: "10.0.0.1", port: 4711 });
    assert.deepEqual(
      [one.facts.via, one.facts.destination],
      [
        { host: PROXY, port: 99 },
        { host: "198.51.100.1", port: 443 },
      ],
    );
    assert.equal(
      reasonOf(receive(edge.receive(wordsOf(PROXY), 0, 99), headerOf("10.0.0.1")).end),
      "client-connections",
    );
    assert.equal(reasonOf(receive(edge.receive(wordsOf(PROXY), 0, 99), headerOf("10.0.0.2")).end), "denied");
    edge.release(one.claim);
    const reception = edge.receive(wordsOf(PROXY), 0, 99);
    decided(receive(reception, headerOf("10.0.0.1")).end);
    assert.equal(reception.claim, NO_CLAIM, "it is the caller's");
    reception.abandon();
    assert.equal(
      reasonOf(receive(edge.receive(wordsOf(PROXY), 0, 99), headerOf("10.0.0.1")).end),
      "client-connections",
    );
  });

  it("that names nobody leaves the peer as the client, and its address is asked for", () => {
    const nobody = writeProxyHeader(2, { client: null, destination: null });
    const kept = decided(receive(edgeOf({ senders }).receive(wordsOf(PROXY), 0, 99), nobody).end);
    assert.deepEqual([kept.client, kept.facts.via], [null, null]);
    const edge = edgeOf({ senders, deny: addressSet(PROXY) });
    assert.equal(reasonOf(receive(edge.receive(wordsOf(PROXY), 0, 99), nobody).end), "denied");
  });

  it("takes its own bytes, and none of what follows", () => {
    const header = headerOf("10.0.0.1");
    const { consumed } = receive(edgeOf({ senders }).receive(wordsOf(PROXY), 0, 99), join(header, latin1("GET /")));
    assert.equal(consumed, header.length);
  });

  it("is required: what is none, and what ends before it is whole, is refused", () => {
    const edge = edgeOf({ senders });
    assert.equal(
      reasonOf(receive(edge.receive(wordsOf(PROXY), 0, 99), latin1("GET / HTTP/1.1\r\n\r\n")).end),
      "bad-header",
    );
    const torn = edge.receive(wordsOf(PROXY), 0, 99);
    assert.equal(receive(torn, headerOf("10.0.0.1").subarray(0, 20)).end.type, "read");
    assert.equal(reasonOf(torn.cutShort()), "no-header");
  });
});

describe("a listener of our own", () => {
  const secret = new Uint8Array(32).fill(5);
  const rules = {
    secret,
    routes: [route("a.test"), route()],
    deny: addressSet("0.0.0.0/0"),
    limits: clientLimits({ connections: 1 }),
  };
  const header = (shown: Uint8Array, custom = innerTlvs(shown, 1, null)) =>
    writeProxyHeader(2, {
      client: { host: "10.0.0.1", port: 1 },
      destination: { host: "10.0.0.9", port: 2 },
      serverName: "b.test",
      custom,
    });

  it("believes who knows its secret, and asks nothing else", () => {
    const edge = edgeOf(rules);
    assert.equal(edge.admitPeer(wordsOf("127.0.0.1"), 0), ADMITTED);
    for (let i = 0; i < 3; i++) {
      const end = decided(receive(edge.receive(wordsOf("127.0.0.1"), 0, 99), header(secret)).end);
      assert.deepEqual(
        [end.route, end.claim, end.client?.host, end.facts.serverName, end.facts.via],
        [1, NO_CLAIM, "10.0.0.1", "b.test", null],
      );
    }
  });

  it("is told which proxy has named the client", () => {
    for (const via of [
      { host: "192.0.2.7", port: 65_535 },
      { host: "2001:db8::7", port: 1 },
    ]) {
      const bytes = header(secret, innerTlvs(secret, 0, via));
      const { end } = receive(edgeOf(rules).receive(wordsOf("127.0.0.1"), 0, 99), bytes);
      assert.deepEqual(decided(end).facts.via, via);
    }
  });

  it("sends away who does not, or says no route", () => {
    const edge = edgeOf(rules);
    const [shown, number] = innerTlvs(secret, 1, null);
    for (const bytes of [
      header(secret.map((byte) => byte ^ 1)),
      header(secret.subarray(1)),
      header(secret, [shown!]),
      header(secret, [number!]),
      header(secret, []),
    ]) {
      assert.equal(reasonOf(receive(edge.receive(wordsOf("127.0.0.1"), 0, 99), bytes).end), "untrusted-sender");
    }
  });
});

describe("a ClientHello", () => {
  const routes = [route("a.test"), { names: [], alpn: ["h2"] }];
  const of = (rules: Partial<EdgeRules>, bytes: Uint8Array) =>
    receive(edgeOf(rules).receive(wordsOf("10.0.0.1"), 0, 99), bytes);

  it("leads to the route of its name and its protocols, and none of its bytes is consumed", () => {
    const { consumed, end } = of({ routes }, clientHello({ serverName: "a.test", alpn: ["http/1.1"] }));
    assert.equal(consumed, 0);
    assert.deepEqual(
      [decided(end).route, decided(end).facts.serverName, decided(end).facts.alpn],
      [0, "a.test", "http/1.1"],
    );
    assert.equal(decided(of({ routes }, clientHello({ serverName: "b.test", alpn: ["h2"] })).end).route, 1);
    assert.equal(reasonOf(of({ routes }, clientHello({ serverName: "b.test" })).end), "no-route");
  });

  it("that is none goes to a route that asks for none, or is refused", () => {
    assert.equal(reasonOf(of({ routes }, latin1("SSH-2.0-x\r\n")).end), "bad-hello");
    assert.equal(decided(of({ routes: [...routes, route()] }, latin1("SSH-2.0-x\r\n")).end).route, 2);
  });

  it("that does not come whole is refused, and what its client held of the limits is given back", () => {
    const limits = clientLimits({ connections: 1 });
    const edge = edgeOf({ routes, limits });
    const reception = edge.receive(wordsOf("10.0.0.1"), 0, 99);
    assert.equal(receive(reception, clientHello({ serverName: "a.test" }).subarray(0, 30)).end.type, "read");
    assert.ok(reception.claim > NO_CLAIM);
    assert.equal(
      reasonOf(receive(edge.receive(wordsOf("10.0.0.1"), 0, 99), new Uint8Array()).end),
      "client-connections",
    );
    assert.equal(reasonOf(reception.cutShort()), "no-hello");
    const next = edge.receive(wordsOf("10.0.0.1"), 0, 99);
    receive(next, new Uint8Array());
    next.abandon();
    decided(receive(edge.receive(wordsOf("10.0.0.1"), 0, 99), clientHello({ serverName: "a.test" })).end);
  });
});

describe("the order in which a client is asked", () => {
  // Each question has a good answer and a bad one; where several are bad, the first of the order is what it is refused for.
  const scenario = fc.record({
    headers: fc.boolean(),
    sender: fc.boolean(),
    header: fc.boolean(),
    address: fc.boolean(),
    limits: fc.boolean(),
    hello: fc.constantFrom("good", "bad", "none", "unknown"),
    readsHello: fc.boolean(),
    cuts: fc.array(fc.nat({ max: 400 }), { maxLength: 6 }),
  });

  it("is that of rules.ts, in whatever pieces its bytes come; each refusal is counted once, and leaves nothing held", () => {
    fc.assert(
      fc.property(scenario, ({ address, cuts, header, headers, hello, limits, readsHello, sender }) => {
        const client = address ? "10.0.0.1" : "10.9.0.1";
        const peer = headers ? (sender ? PROXY : "192.0.2.8") : client;
        const rules = edgeRules({
          senders: headers ? addressSet(PROXY) : null,
          deny: addressSet("10.9.0.0/16"),
          limits: clientLimits({ connections: 1 }),
          routes: readsHello ? [route("a.test")] : [route()],
        });
        const edge = openEdge(rules, 0);
        const held = limits ? NO_CLAIM : edge.admitClient(wordsOf("10.0.0.1"), 0, NOW);
        const headerBytes = !headers ? new Uint8Array() : header ? headerOf(client) : latin1("PROXY nonsense\r\n");
        const helloBytes = {
          good: clientHello({ serverName: "a.test" }, 40),
          unknown: clientHello({ serverName: "b.test" }),
          bad: join(clientHello({}).subarray(0, 9), new Uint8Array(600)),
          none: latin1("GET /"),
        }[hello];
        const wanted =
          (headers && !sender && "untrusted-sender") ||
          (headers && !header && "bad-header") ||
          (!address && "denied") ||
          (!limits && "client-connections") ||
          (readsHello && (hello === "bad" || hello === "none") && "bad-hello") ||
          (readsHello && hello === "unknown" && "no-route") ||
          null;

        const peerRefusal = edge.admitPeer(wordsOf(peer), 0);
        const { consumed, reason } =
          peerRefusal === ADMITTED
            ? inPieces(edge.receive(wordsOf(peer), 0, 1), join(headerBytes, helloBytes), cuts)
            : { consumed: 0, reason: REFUSALS[peerRefusal]! };
        assert.equal(reason, wanted);
        if (consumed > 0) assert.equal(consumed, headerBytes.length);
        const counts = Object.entries(new RefusalCounters(rules.counters).read()).filter(([, count]) => count > 0);
        assert.deepEqual(counts, wanted === null ? [] : [[wanted, 1]]);
        if (wanted !== null) {
          edge.release(held);
          assert.ok(edge.admitClient(wordsOf("10.0.0.1"), 0, NOW) > NO_CLAIM, "its claim was given back");
        }
      }),
      { numRuns: amount(2000) },
    );
  });
});

/** Gives the bytes up to one place after the other, and all at last. `reason`: null where it is decided. */
function inPieces(
  reception: Reception,
  bytes: Uint8Array,
  cuts: readonly number[],
): { consumed: number; reason: string | null } {
  let consumed = 0;
  let atLeast = 0;
  for (const end of [0, ...[...cuts].sort((a, b) => a - b), bytes.length]) {
    const come = bytes.subarray(0, end);
    for (;;) {
      const step = reception.step(come.subarray(consumed), NOW);
      if (step.type === "read") {
        assert.ok(step.atLeast > come.length - consumed, "it asks for more than it has");
        assert.ok(consumed + step.atLeast >= atLeast, "and never for less than before");
        atLeast = consumed + step.atLeast;
        break;
      }
      if (step.type === "consume") consumed += step.length;
      else {
        assert.ok(come.length >= atLeast, "with less than it has asked for it decides nothing");
        return { consumed, reason: step.type === "refused" ? reasonOf(step) : null };
      }
    }
  }
  throw new Error("all of its bytes have come, and it is not decided");
}
