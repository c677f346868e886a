/** A stop under load, on this machine's kernel: its clients are a process of their own, since close() may block this one's thread. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { openLibc } from "#ffi";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import { SynFilter } from "../../../src/engines/linux/main/syn-filter.ts";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { startClients } from "../../support/client-storm.ts";
import { endPrograms } from "../../support/program.ts";
import { thisHost } from "../host.ts";
import { inLab, UNAVAILABLE } from "../lab.ts";
import { Bench } from "./kernel/bench.ts";

const skip = (await linux.test({ listen: [] })) ?? false;
/** Enough to notice: where listeners are closed at once, about every second stop loses connections. */
const STOPS = 3;
/** ms for what is open. */
const TIMEOUT = 5_000;

after(endPrograms);

describe("linux engine, a stop under load", () => {
  for (const threads of [1, 4]) {
    it(`resets nobody who was connected, ${threads} threads`, { skip }, async () => {
      for (let i = 0; i < STOPS; i++) {
        await inLab(thisHost(linux), { threads }, async (lab) => {
          const clients = await startClients(lab.port);
          await lab.engine.close(TIMEOUT);
          const { answers, losses } = await clients.outcome();
          assert.deepEqual(losses, {});
          assert.deepEqual(Object.keys(answers), [UNAVAILABLE]);
          lab.records.length = 0; // of clients that the lab has not made
        });
      }
    });
  }

  it("leaves its port to a successor that is started meanwhile", { skip }, () =>
    inLab(thisHost(linux), { threads: 2 }, async (lab) => {
      const [address] = lab.addresses;
      const closing = lab.engine.close(TIMEOUT);
      await inLab(thisHost(linux), { listen: [address!] }, async (successor) => {
        assert.equal(await successor.ask(), UNAVAILABLE);
      });
      await closing;
    }),
  );
});

describe("dropping SYNs", () => {
  /** linux/tcp.h: a handshake is not through before the client has sent something. */
  const TCP_DEFER_ACCEPT = 9;

  it("lets a handshake that is under way come through", { skip }, () => {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const sleep = (ms: number) => void Atomics.wait(pause, 0, 0, ms);
    const b = new Bench({ libc: openLibc()!, sleep, freshPath: () => "" });
    try {
      const { fd: listener, port } = b.listener();
      b.set(listener, abi.IPPROTO_TCP, TCP_DEFER_ACCEPT, 10);
      const client = b.socket();
      b.connect(client, port);
      const epoll = b.epoll();
      epoll.add(client);
      epoll.until(client, "OUT");
      assert.equal(b.accept(listener), "EAGAIN");
      assert.ok(new SynFilter(b.libc).dropSyns([listener]));
      b.send(client, "hello");
      assert.equal(b.recvSoon(b.accepted(listener)), "hello");
    } finally {
      b.dispose();
    }
  });
});
