import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClientFacts, tellNothing } from "../../../src/edge/facts.ts";
import { FactsMemory } from "../../../src/engines/linux/shared/facts-memory.ts";
import fc from "../../support/draws.ts";

const NOTHING: ClientFacts = {
  via: null,
  destination: null,
  serverName: null,
  alpn: null,
  tls: null,
  uniqueId: null,
};

const port = fc.integer({ min: 0, max: 65_535 });
const address = fc.oneof(
  fc.record({ host: fc.ipV4(), port }, { noNullPrototype: true }),
  fc.record({ host: fc.constantFrom("2001:db8::1", "::1", "fe80::2:3"), port }, { noNullPrototype: true }),
);
const record = <T extends object>(of: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(of, { noNullPrototype: true });
const text = (maxLength: number) => fc.string({ maxLength });
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const facts: fc.Arbitrary<ClientFacts> = record({
  via: orNull(address),
  destination: orNull(address),
  serverName: orNull(text(255)),
  alpn: orNull(text(255)),
  tls: orNull(
    record({
      version: text(16),
      cipher: orNull(text(64)),
      certificate: orNull(record({ commonName: orNull(text(128)), verified: fc.boolean() })),
    }),
  ),
  uniqueId: orNull(fc.uint8Array({ maxLength: 128 })),
});

describe("facts in shared memory", () => {
  it("come out as they went in, whatever is in the parts beside them", () => {
    fc.assert(
      fc.property(facts, facts, facts, (before, at, behind) => {
        const memory = FactsMemory.create(3);
        memory.write(1, behind); // of a client that had the slot before
        for (const [slot, each] of [before, at, behind].entries()) memory.write(slot, each);
        const other = new FactsMemory(memory.buffer);
        for (const [slot, each] of [before, at, behind].entries()) assert.deepEqual(other.read(slot), each);
      }),
    );
  });

  it("have their texts cut to what there is room for, at the end of a character", () => {
    const memory = FactsMemory.create(2);
    const long = "ä".repeat(500);
    memory.write(0, {
      ...NOTHING,
      via: { host: "2001:db8::1", port: 1 },
      destination: { host: "2001:db8::2", port: 2 },
      serverName: long,
      alpn: long,
      tls: { version: long, cipher: long, certificate: { commonName: long, verified: true } },
      uniqueId: new Uint8Array(500).fill(7),
    });
    const { serverName, tls, uniqueId } = memory.read(0);
    assert.equal(serverName, "ä".repeat(127));
    assert.equal(tls!.certificate!.commonName, "ä".repeat(64));
    assert.deepEqual(uniqueId, new Uint8Array(128).fill(7));
    assert.deepEqual(memory.read(1), NOTHING);
  });

  it("are something as soon as one of them is", () => {
    assert.equal(tellNothing(NOTHING), true);
    assert.equal(tellNothing({ ...NOTHING, alpn: "h2" }), false);
  });
});
