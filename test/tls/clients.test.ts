/** How many clients of a listener with TLS a thread asks at a time, and whom that holds up. */
import { deepEqual, equal } from "node:assert/strict";
import { after, test } from "node:test";
import { AddressRanges } from "../../src/edge/access/address-ranges.ts";
import { AddressSet } from "../../src/edge/access/address-set.ts";
import { TLS_THREADS } from "../../src/edge/access/client-limits.ts";
import { MOST_IN_RECEPTION } from "../../src/edge/reception.ts";
import { RefusalCounters } from "../../src/edge/refusals.ts";
import type { EdgeRules } from "../../src/edge/rules.ts";
import type { NodeConnection } from "../../src/net/node/connection.ts";
import { readListenerTls } from "../../src/tls/certificates.ts";
import { TlsCounters } from "../../src/tls/counters.ts";
import { Clients } from "../../src/tls/worker/clients.ts";
import { Connections } from "../../src/tls/worker/connections.ts";
import { Refuser } from "../../src/tls/worker/refuser.ts";
import { Room } from "../../src/tls/worker/room.ts";
import { certificateFiles } from "../support/certificates.ts";
import { removeFolders } from "../support/folder.ts";
import { settle } from "../support/wait.ts";

after(removeFolders);

/** Says nothing, until it is reset. */
class Silent {
  readonly local = { host: "127.0.0.1", port: 443 };
  readonly remote = { host: "192.0.2.1", port: 1 };
  readonly atEnd = false;
  isReset = false;
  #lose: (error: Error) => void = () => undefined;

  readable(): Promise<void> {
    return new Promise((_, reject) => {
      this.#lose = reject;
    });
  }

  abort(): void {
    this.isReset = true;
    this.#lose(new Error("reset"));
  }
}

function clientsOf(rules: Partial<EdgeRules>, most = Number.POSITIVE_INFINITY) {
  const counters = new RefusalCounters();
  const clients = new Clients({
    thread: TLS_THREADS,
    connections: new Connections(),
    refuser: new Refuser(1),
    room: new Room(most),
    warn: (message) => {
      throw new Error(message);
    },
  });
  clients.serve({
    rules: {
      senders: null,
      secret: null,
      allow: null,
      deny: null,
      limits: null,
      refuse: { type: "tarpit", ms: 60_000 },
      prereadTimeout: 60_000,
      routes: [{ names: ["a.test"], alpn: [] }],
      counters: counters.buffer,
      ...rules,
    },
    terminates: [true],
    tls: readListenerTls({
      certificates: [certificateFiles],
      clientCa: null,
      client: "none",
      min: "1.2",
      alpn: [],
      tickets: true,
      handshake: 10_000,
    }),
    engine: { ports: [1], secret: new Uint8Array(32), routes: [0] },
    counters: new TlsCounters().buffer,
  });
  const come = (count: number): Silent[] => {
    const all = Array.from({ length: count }, () => new Silent());
    for (const one of all) clients.accept(one as unknown as NodeConnection);
    return all;
  };
  return { clients, come, counts: () => counters.read() };
}

function everybody() {
  const ranges = new AddressRanges();
  ranges.add("0.0.0.0/0");
  return AddressSet.of(ranges);
}

test("those in the tarpit take no place of those who are asked", async () => {
  const { clients, come, counts } = clientsOf({ deny: everybody() });
  const all = come(MOST_IN_RECEPTION);
  await settle();
  all.push(...come(10));
  await settle();
  const { crowded, denied } = counts();
  deepEqual({ crowded, denied }, { crowded: 0, denied: all.length });
  equal(all.filter(({ isReset }) => isReset).length, 0);
  clients.stop();
  equal(all.filter(({ isReset }) => isReset).length, all.length);
});

test("of more than are asked at a time, who has been asked for longest gives way", async () => {
  const { clients, come, counts } = clientsOf({});
  const all = come(MOST_IN_RECEPTION + 3);
  await settle();
  equal(counts().crowded, 3);
  deepEqual(
    all
      .map(({ isReset }) => isReset)
      .map((isReset, n) => (isReset ? n : -1))
      .filter((n) => n >= 0),
    [0, 1, 2],
  );
  clients.stop();
  equal(all.filter(({ isReset }) => isReset).length, all.length);
});

test("where a thread has no room for more clients, who waits in the tarpit gives way, or who has been asked for longest", async () => {
  for (const [rules, crowded] of [
    [{ deny: everybody() }, 0],
    [{}, 3],
  ] as const) {
    const { clients, come, counts } = clientsOf(rules, 5);
    const all = come(5);
    await settle();
    for (let n = 0; n < 3; n++) {
      all.push(...come(1));
      await settle();
    }
    deepEqual(
      all.map(({ isReset }) => isReset),
      [true, true, true, false, false, false, false, false],
    );
    equal(counts().crowded, crowded);
    clients.stop();
  }
});
