/** Bytes, FIN and resets on connections that stand, and what an edge-triggered watcher hears of them. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import * as numbers from "../../../support/kernel/numbers.ts";
import { ALL_EDGES, type Bench, SETTLE_MS } from "./bench.ts";
import type { Programs } from "./programs.ts";

/** A pair whose server end is watched, with the first report taken. */
function watched(b: Bench) {
  const [client, server] = b.fixedPair();
  const epoll = b.epoll();
  epoll.add(server, ALL_EDGES);
  assert.deepEqual(epoll.next(), { [server]: "OUT" });
  return { client, server, epoll };
}

export const streams: Programs = {
  "bytes arrive in order, and a read that does not fill its buffer has emptied the socket": (b) => {
    const { client, server, epoll } = watched(b);
    assert.equal(b.recv(server), "EAGAIN");
    assert.equal(b.send(client, "abc"), 3);
    assert.equal(b.send(client, "defg"), 4);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT" });
    assert.equal(b.recv(server, 2), "ab");
    assert.equal(b.recv(server, 64), "cdefg");
    assert.equal(b.recv(server), "EAGAIN");
    epoll.quiet();
  },

  "every arrival is an edge, even if older bytes are unread": (b) => {
    const { client, server, epoll } = watched(b);
    for (const text of ["a", "b", "c"]) {
      b.set(client, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
      b.send(client, text);
      assert.deepEqual(epoll.next(), { [server]: "IN OUT" });
      epoll.quiet();
    }
    assert.equal(b.recv(server, 1), "a");
    epoll.quiet();
    assert.equal(b.recv(server), "bc");
  },

  "reading and peeking": (b) => {
    const [client, server] = b.pair();
    b.send(client, "peek");
    assert.equal(b.recvSoon(server, 0), "FIN"); // no bytes were asked for
    assert.equal(b.recv(server, 64, numbers.MSG_PEEK), "peek");
    assert.equal(b.recv(server, 2, numbers.MSG_PEEK), "pe");
    assert.equal(b.recv(server, 64), "peek");
    assert.equal(b.recv(server, 64, numbers.MSG_PEEK), "EAGAIN");
    b.close(client);
    b.world.sleep(2);
    assert.equal(b.recv(server, 64, numbers.MSG_PEEK), "FIN");
  },

  "a FIN is announced before the bytes in front of it are read": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "last words");
    b.libc.shutdown(client, abi.SHUT_WR);
    assert.equal(epoll.until(server, "RDHUP"), "IN OUT RDHUP");
    assert.equal(b.recv(server, 4), "last");
    assert.equal(b.recv(server), " words");
    assert.equal(b.recv(server), "FIN");
    assert.equal(b.recv(server), "FIN");
    epoll.quiet();
  },

  "a FIN ends one direction, the other goes on": (b) => {
    const { client, server, epoll } = watched(b);
    b.libc.shutdown(client, abi.SHUT_WR);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP" });
    assert.equal(b.recv(server), "FIN");
    assert.equal(b.send(server, "still here"), 10);
    assert.equal(b.recvSoon(client), "still here");
    assert.equal(b.send(client, "no"), "EPIPE");
    epoll.clear();
    b.libc.shutdown(server, abi.SHUT_WR);
    assert.match(epoll.until(server, "HUP"), /^IN OUT RDHUP HUP$/);
    assert.equal(b.recvSoon(client), "FIN");
    assert.equal(b.send(server, "no"), "EPIPE");
    assert.equal(b.pendingError(server), 0);
  },

  "one's own shutdown is an edge, and so is the peer's FIN afterwards": (b) => {
    const { client, server, epoll } = watched(b);
    assert.equal(b.outcome(b.libc.shutdown(server, abi.SHUT_WR)), 0);
    assert.equal(epoll.until(server, "OUT"), "OUT");
    epoll.clear();
    assert.equal(b.recvSoon(client), "FIN");
    epoll.quiet();
    b.close(client);
    assert.equal(epoll.until(server, "HUP"), "IN OUT RDHUP HUP");
    assert.equal(b.recv(server), "FIN");
  },

  "a second shutdown": (b) => {
    const [client, server] = b.pair();
    assert.equal(b.outcome(b.libc.shutdown(client, abi.SHUT_WR)), 0);
    assert.equal(b.outcome(b.libc.shutdown(client, abi.SHUT_WR)), 0);
    assert.equal(b.recvSoon(server), "FIN");
    assert.equal(b.outcome(b.libc.shutdown(server, abi.SHUT_WR)), 0);
    b.world.sleep(2);
    assert.equal(b.outcome(b.libc.shutdown(client, abi.SHUT_WR)), "ENOTCONN");
  },

  "close delivers what was sent": (b) => {
    const [client, server] = b.pair();
    b.sendBytes(client, 50_000);
    b.close(client);
    b.drain(server, 50_000);
    assert.equal(b.recvSoon(server), "FIN");
  },

  "writing to an end that was closed brings a reset": (b) => {
    const { client, server, epoll } = watched(b);
    b.close(client);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP" });
    assert.equal(b.send(server, "too late"), 8);
    assert.equal(epoll.until(server, "ERR"), "IN OUT RDHUP ERR HUP");
    // After a FIN the reset is EPIPE, and reading goes on saying that the FIN was there.
    assert.equal(b.recv(server), "FIN");
    assert.equal(b.send(server, "a"), "EPIPE");
    assert.equal(b.pendingError(server), 0);
  },

  "closing with unread bytes is a reset": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(server, "never read");
    b.world.sleep(2);
    b.close(client);
    assert.equal(epoll.until(server, "ERR"), "IN OUT RDHUP ERR HUP");
    assert.equal(b.recv(server), "ECONNRESET");
    assert.equal(b.recv(server), "FIN");
    assert.equal(b.send(server, "a"), "EPIPE");
    epoll.quiet();
  },

  "bytes that came before a reset can be read": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "before");
    assert.deepEqual(epoll.next(), { [server]: "IN OUT" });
    b.reset(client);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP ERR HUP" });
    assert.equal(b.recv(server, 3), "bef");
    assert.equal(b.recv(server), "ore");
    assert.equal(b.recv(server), "ECONNRESET");
    assert.equal(b.recv(server), "FIN");
  },

  "what the peer has not acknowledged can be counted, and is what a reset drops": (b) => {
    const [client, server] = b.fixedPair();
    assert.equal(b.unacknowledged(client), 0);
    const total = b.fill(client);
    const waiting = b.unacknowledged(client);
    assert.ok(waiting > 0 && waiting < total, `${waiting} of ${total}`);
    b.reset(client);
    b.world.sleep(2);
    b.drain(server, total - waiting);
    assert.equal(b.recv(server), "ECONNRESET");
  },

  "what the peer has acknowledged can be read after a reset": (b) => {
    const { client, server, epoll } = watched(b);
    b.sendBytes(client, 5_000);
    b.world.sleep(SETTLE_MS);
    assert.equal(b.unacknowledged(client), 0);
    b.reset(client);
    epoll.until(server, "ERR");
    b.drain(server, 5_000);
    assert.equal(b.recv(server), "ECONNRESET");
  },

  "what was sent stays unacknowledged once the peer has reset": (b) => {
    const { client, server, epoll } = watched(b);
    b.fill(server);
    const waiting = b.unacknowledged(server);
    b.reset(client);
    epoll.until(server, "ERR");
    assert.equal(b.unacknowledged(server), waiting);
  },

  "reading SO_ERROR takes a reset away from recv": (b) => {
    const { client, server, epoll } = watched(b);
    b.reset(client);
    epoll.until(server, "ERR");
    assert.equal(b.pendingError(server), "ECONNRESET");
    assert.equal(b.recv(server), "FIN");
    assert.equal(b.pendingError(server), 0);
  },

  "a reset after a FIN": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "all");
    b.libc.shutdown(client, abi.SHUT_WR);
    epoll.until(server, "RDHUP");
    b.reset(client);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP ERR HUP" });
    assert.equal(b.recv(server), "all");
    assert.equal(b.recv(server), "FIN");
    assert.equal(b.pendingError(server), "EPIPE");
  },

  "a reset of one's own sends nothing that waits": (b) => {
    const [client, server] = b.fixedPair();
    const total = b.fill(client);
    b.reset(client);
    let received = 0;
    for (;;) {
      const got = b.recvBytes(server, 65_536);
      if (typeof got === "string") {
        assert.equal(got, "ECONNRESET");
        break;
      }
      received += got;
    }
    assert.ok(received < total, "all of it came");
  },

  "resetting what both have finished sends nothing": (b) => {
    const [client, server] = b.pair();
    b.libc.shutdown(client, abi.SHUT_WR);
    assert.equal(b.recvSoon(server), "FIN");
    b.libc.shutdown(server, abi.SHUT_WR);
    assert.equal(b.recvSoon(client), "FIN");
    b.reset(server);
    assert.equal(b.pendingError(client), 0);
  },

  "room to write is an edge only after a write found none": (b) => {
    const { client, server, epoll } = watched(b);
    b.sendBytes(server, 1_000);
    b.drain(client, 1_000);
    epoll.quiet(); // it was never out of room
    const total = b.fill(server);
    epoll.quiet();
    b.drain(client, 1);
    epoll.quiet();
    b.drain(client, total - 1);
    assert.equal(epoll.until(server, "OUT"), "OUT");
    epoll.quiet();
    assert.equal(b.send(server, "more"), 4);
  },

  "how much room there is can be asked": (b) => {
    const { client, server, epoll } = watched(b);
    const { size, queued } = b.sendBuffer(server);
    assert.equal(queued, 0);
    const total = b.fill(server);
    const full = b.sendBuffer(server);
    assert.equal(full.size, size);
    assert.ok(full.queued > (2 / 3) * size && full.queued < 2 * size, `${full.queued} of ${size}`);
    epoll.quiet();
    b.drain(client, total);
    epoll.until(server, "OUT");
    assert.ok(b.sendBuffer(server).queued <= (2 / 3) * size);
  },

  "room to write is an edge after a watch was set anew without it": (b) => {
    const { client, server, epoll } = watched(b);
    // Nearly full, and no write has found too little room: the last third is left.
    const { size } = b.sendBuffer(server);
    let total = 0;
    while (b.sendBuffer(server).queued <= 0.7 * size) {
      total += b.sendBytes(server, 2_000) as number;
      if (b.sendBuffer(server).queued > 0.7 * size) b.world.sleep(SETTLE_MS); // what is acknowledged meanwhile is no longer queued
    }
    epoll.clear();
    assert.equal(epoll.control(abi.EPOLL_CTL_MOD, server, ALL_EDGES, server), 0);
    epoll.quiet();
    b.drain(client, total);
    assert.equal(epoll.until(server, "OUT"), "OUT");
    assert.equal(epoll.control(abi.EPOLL_CTL_MOD, server, ALL_EDGES, server), 0);
    assert.deepEqual(epoll.next(), { [server]: "OUT" });
  },

  "a full socket that gets bytes is not reported as writable": (b) => {
    const { client, server, epoll } = watched(b);
    b.fill(server);
    b.send(client, "a");
    assert.deepEqual(epoll.next(), { [server]: "IN" });
    b.libc.shutdown(client, abi.SHUT_WR);
    assert.deepEqual(epoll.next(), { [server]: "IN RDHUP" });
  },

  "a reset wakes an end that is full": (b) => {
    const { client, server, epoll } = watched(b);
    b.fill(server);
    epoll.quiet();
    b.reset(client);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP ERR HUP" });
    assert.equal(b.send(server, "a"), "ECONNRESET");
  },

  "a short write": (b) => {
    const [client, server] = b.pair();
    b.set(server, abi.SOL_SOCKET, numbers.SO_SNDBUF, 20_000);
    let total = 0;
    let short = false;
    for (let sent = b.sendBytes(server, 1_000_000); sent !== "EAGAIN"; sent = b.sendBytes(server, 1_000_000)) {
      assert.equal(typeof sent, "number");
      if ((sent as number) < 1_000_000) short = true;
      total += sent as number;
    }
    assert.ok(short, "each write took all");
    b.drain(client, total);
  },

  "shutting down while the peer does not read": (b) => {
    const [client, server] = b.fixedPair();
    const total = b.fill(server);
    b.libc.shutdown(server, abi.SHUT_WR);
    assert.equal(b.send(server, "a"), "EPIPE");
    b.drain(client, total);
    assert.equal(b.recvSoon(client), "FIN");
  },

  "MSG_MORE waits for what comes next": (b) => {
    const { client, server, epoll } = watched(b);
    assert.equal(b.send(client, "head ", abi.MSG_MORE), 5);
    epoll.quiet();
    assert.equal(b.send(client, "body"), 4);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT" });
    assert.equal(b.recv(server), "head body");
  },

  "MSG_MORE and FIN arrive together": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "the end", abi.MSG_MORE);
    epoll.quiet();
    b.libc.shutdown(client, abi.SHUT_WR);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP" });
    assert.equal(b.recv(server), "the end");
    assert.equal(b.recv(server), "FIN");
  },

  "MSG_MORE without more is sent after a while": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "alone", abi.MSG_MORE);
    epoll.quiet();
    assert.deepEqual(epoll.next(), { [server]: "IN OUT" });
    assert.equal(b.recv(server), "alone");
  },

  "MSG_MORE before a close is not lost": (b) => {
    const [client, server] = b.pair();
    b.send(client, "bye", abi.MSG_MORE);
    b.close(client);
    assert.equal(b.recvSoon(server), "bye");
    assert.equal(b.recv(server), "FIN");
  },
};
