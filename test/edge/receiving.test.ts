import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { openEdge } from "../../src/edge/edge.ts";
import { Receiving, type ReceptionEnd } from "../../src/edge/receiving.ts";
import type { Reception, Step } from "../../src/edge/reception.ts";
import { addressWords } from "../../src/util/client-key.ts";
import { type Deferred, deferred } from "../../src/util/deferred.ts";
import { askingFor, HERE } from "../engines/edge/asking.ts";
import { clientHello, join } from "../support/client-hellos.ts";
import fc from "../support/draws.ts";
import { text } from "../support/stream.ts";
import { settle, until } from "../support/wait.ts";

/** Gives what it is told to, and uses its one buffer again for each read. */
class Source {
  readonly #buffer = new Uint8Array(100_000);
  readonly #chunks: (Uint8Array | null)[] = [];
  #waiting: Deferred<void> | null = null;
  /** `read()` waits for this. */
  gate: Promise<void> = Promise.resolve();

  give(...chunks: readonly (Uint8Array | null)[]): void {
    this.#chunks.push(...chunks);
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  lose(): void {
    this.#waiting?.reject(new Error("lost"));
  }

  readable(): Promise<void> {
    if (this.#chunks.length > 0) return Promise.resolve();
    this.#waiting = deferred();
    return this.#waiting.promise;
  }

  async read(): Promise<Uint8Array | null> {
    await this.gate;
    const chunk = this.#chunks.shift()!;
    if (chunk === null) return null;
    this.#buffer.fill(0xaa);
    this.#buffer.set(chunk);
    return this.#buffer.subarray(0, chunk.length);
  }
}

/** Decides once it has so many bytes. */
class Counting implements Reception {
  readonly claim = 0;
  abandoned = 0;
  steps = 0;
  readonly #wants: number;

  constructor(wants: number) {
    this.#wants = wants;
  }

  step(bytes: Uint8Array): Step {
    this.steps++;
    if (bytes.length < this.#wants) return { type: "read", atLeast: this.#wants };
    const facts = { via: null, destination: null, serverName: null, alpn: null, tls: null, uniqueId: null };
    return { type: "decided", route: this.#wants, claim: 0, client: null, facts };
  }

  cutShort() {
    return { type: "refused", refusal: 1, answer: { type: "reset" } } as const;
  }

  abandon(): void {
    this.abandoned++;
  }
}

function receive(source: Source, reception: Reception) {
  const ends: ReceptionEnd[] = [];
  const faults: unknown[] = [];
  const receiving = new Receiving(
    source,
    reception,
    () => 0,
    (end, fault) => {
      ends.push(end);
      if (fault !== undefined) faults.push(fault);
    },
  );
  receiving.start();
  return { receiving, ends, faults };
}

const said = (end: ReceptionEnd | undefined) => (end?.type === "decided" ? Buffer.from(end.rest).toString() : end);

describe("Receiving", () => {
  it("comes to the same end however what the client sends is cut, and takes nothing but the header away", async () => {
    const header = text("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
    const rest = join(clientHello({ serverName: "a.test" }), text("and more"));
    const whole = join(header, rest);
    const { rules } = askingFor({ senders: HERE, routes: [{ names: ["a.test"], alpn: [] }] });
    const edge = openEdge(rules, 0);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: whole.length - 10 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(cuts, async (unsorted) => {
        const source = new Source();
        const at = [0, ...unsorted.toSorted((a, b) => a - b), whole.length];
        const words = addressWords("127.0.0.1", new Uint32Array(4));
        const { ends } = receive(source, edge.receive(words, 0, 7));
        source.give(...at.slice(1).map((end, i) => whole.subarray(at[i], end)));
        await settle(3);
        const [end] = ends;
        assert.ok(end?.type === "decided" && ends.length === 1);
        assert.deepEqual(
          [end.route, end.client, end.facts.serverName],
          [0, { host: "192.0.2.1", port: 56_324 }, "a.test"],
        );
        // What has not been read by then is still the source's.
        assert.ok(Buffer.from(rest).subarray(0, end.rest.length).equals(end.rest));
        assert.ok(end.rest.length >= rest.length - "and more".length);
      }),
      { numRuns: 200 },
    );
  });

  it("is refused at a FIN before the decision, and not told of again", async () => {
    const source = new Source();
    const { ends, receiving } = receive(source, new Counting(5));
    source.give(text("abc"), null);
    await settle();
    assert.deepEqual(
      ends.map((end) => end?.type),
      ["refused"],
    );
    receiving.expire();
    receiving.abandon();
    assert.equal(ends.length, 1);
  });

  it("is refused when its time is over, and what comes later is nobody's", async () => {
    const source = new Source();
    const { ends, receiving } = receive(source, new Counting(5));
    receiving.expire();
    source.give(text("abcdef"));
    await settle();
    assert.deepEqual(
      ends.map((end) => end?.type),
      ["refused"],
    );
  });

  it("gives up one that is lost", async () => {
    const source = new Source();
    const reception = new Counting(5);
    const { ends, faults } = receive(source, reception);
    source.lose();
    await settle();
    assert.deepEqual([ends, faults, reception.abandoned], [[null], [], 1]);
  });

  it("drops one that our own fault befalls, and says which", async () => {
    const source = new Source();
    const reception = new Counting(5);
    const fault = new Error("a bug");
    reception.step = () => {
      throw fault;
    };
    const { ends, faults } = receive(source, reception);
    assert.deepEqual([ends, faults, reception.abandoned], [[null], [fault], 1]);
  });

  it("begins anew with all that has come, by other rules", async () => {
    const source = new Source();
    const former = new Counting(100);
    const { ends, receiving } = receive(source, former);
    source.give(text("abc"), text("def"));
    await settle();
    receiving.restart(new Counting(6));
    assert.deepEqual(ends.map(said), ["abcdef"]);
    assert.equal(former.abandoned, 1);
    receiving.restart(new Counting(0));
    assert.equal(ends.length, 1);
  });

  it("neither loses nor doubles what is being read when the rules change", async () => {
    const source = new Source();
    const { ends, receiving } = receive(source, new Counting(100));
    source.give(text("abc"));
    await settle();
    const gate = deferred<void>();
    source.gate = gate.promise;
    source.give(text("def"));
    await settle();
    receiving.restart(new Counting(2));
    assert.deepEqual(ends, [], "a read is under way");
    gate.resolve();
    await settle();
    assert.deepEqual(ends.map(said), ["abcdef"]);
  });

  it("asks no more often than there can be a decision, however small the pieces are that come", async () => {
    const source = new Source();
    const reception = new Counting(3_000);
    const ends: ReceptionEnd[] = [];
    new Receiving(
      source,
      reception,
      () => 0,
      (end) => void ends.push(end),
    ).start();
    source.give(...Array.from({ length: 3_000 }, () => text("a")));
    await until("the decision", () => ends.length === 1);
    assert.equal(reception.steps, 2);
  });
});
