/** TCP's urgent byte: a mark in the stream at which reads end early, and at which a splice stands still. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { MSG_OOB, SO_OOBINLINE } from "../../../support/kernel/numbers.ts";
import { ALL_EDGES, type Bench } from "./bench.ts";
import type { Programs } from "./programs.ts";

function watched(b: Bench) {
  const [client, server] = b.pair();
  const epoll = b.epoll();
  epoll.add(server, ALL_EDGES);
  epoll.clear();
  return { client, server, epoll };
}

export const urgent: Programs = {
  "a read ends at the mark, and the next one steps over the urgent byte": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "before!", MSG_OOB);
    b.send(client, "after");
    assert.match(epoll.until(server, "PRI"), /^IN PRI OUT$/);
    b.world.sleep(50); // Nagle's algorithm may hold the second write back
    assert.equal(b.recv(server), "before");
    assert.equal(b.recv(server), "after");
    assert.equal(b.recv(server), "EAGAIN");
  },

  "an urgent byte alone is announced, and is nothing to read": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "!", MSG_OOB);
    assert.deepEqual(epoll.next(), { [server]: "PRI OUT" });
    assert.equal(b.recv(server), "EAGAIN");
    b.send(client, "x");
    assert.match(epoll.until(server, "IN"), /^IN OUT$/);
    assert.equal(b.recv(server), "x");
  },

  "the byte itself is read with MSG_OOB, once": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "a!", MSG_OOB);
    epoll.until(server, "PRI");
    assert.equal(b.recv(server, 1, MSG_OOB), "!");
    assert.equal(b.recv(server, 1, MSG_OOB), "EINVAL");
    assert.equal(b.recv(server), "a");
    assert.equal(b.recv(server), "EAGAIN");
  },

  "inline, it is a byte like any other, after a read that ends before it": (b) => {
    const { client, server, epoll } = watched(b);
    b.set(server, abi.SOL_SOCKET, SO_OOBINLINE, 1);
    b.send(client, "ab!", MSG_OOB);
    b.send(client, "cd");
    epoll.until(server, "PRI");
    b.world.sleep(50);
    assert.equal(b.recv(server), "ab");
    assert.equal(b.recv(server), "!cd");
  },

  "a second urgent byte takes the place of the first, which becomes an ordinary one": (b) => {
    const { client, server, epoll } = watched(b);
    b.set(client, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    b.send(client, "a1", MSG_OOB);
    epoll.until(server, "PRI");
    b.send(client, "b2", MSG_OOB);
    epoll.until(server, "PRI");
    b.send(client, "c");
    b.world.sleep(5);
    assert.equal(b.recv(server), "a1b");
    assert.equal(b.recv(server), "c");
  },

  "a FIN behind the urgent byte": (b) => {
    const { client, server, epoll } = watched(b);
    b.send(client, "a!", MSG_OOB);
    b.libc.shutdown(client, abi.SHUT_WR);
    epoll.until(server, "RDHUP");
    assert.equal(b.recv(server), "a");
    assert.equal(b.recv(server), "FIN");
  },

  "a splice does not get past the mark, a read does": (b) => {
    const { client, server, epoll } = watched(b);
    const [, write] = b.pipe();
    b.set(client, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    b.send(client, "before!", MSG_OOB);
    b.send(client, "after");
    epoll.until(server, "PRI");
    b.world.sleep(5);
    assert.equal(b.splice(server, write, 4096), 6);
    assert.equal(b.splice(server, write, 4096), "EAGAIN");
    b.send(client, "more");
    b.world.sleep(5);
    assert.equal(b.splice(server, write, 4096), "EAGAIN");
    assert.equal(b.recv(server, 2), "af");
    assert.equal(b.splice(server, write, 4096), 7);
  },

  "in front of the mark a splice says that the stream has ended, once a FIN has come behind it": (b) => {
    const { client, server, epoll } = watched(b);
    const [, write] = b.pipe();
    b.set(client, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    b.send(client, "before!", MSG_OOB);
    b.send(client, "after");
    b.libc.shutdown(client, abi.SHUT_WR);
    epoll.until(server, "RDHUP");
    assert.equal(b.splice(server, write, 4096), 6);
    assert.equal(b.splice(server, write, 4096), 0);
    assert.equal(b.recv(server), "after");
    assert.equal(b.recv(server), "FIN");
  },
};
