/** Unix sockets, which targets may have. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { ALL_EDGES, type Bench } from "./bench.ts";
import type { Programs } from "./programs.ts";

function listening(b: Bench, backlog = 16): { listener: number; path: string } {
  const path = b.world.freshPath();
  const listener = b.socket(abi.AF_UNIX);
  assert.equal(b.bindPath(listener, path), 0);
  assert.equal(b.listen(listener, backlog), 0);
  return { listener, path };
}

function pair(b: Bench): [number, number] {
  const { listener, path } = listening(b);
  const client = b.socket(abi.AF_UNIX);
  assert.equal(b.connectPath(client, path), 0);
  return [client, b.accept(listener) as number];
}

export const unix: Programs = {
  "how much room there is can be asked": (b) => {
    const [client, server] = pair(b);
    const { size, queued } = b.sendBuffer(server);
    assert.equal(queued, 0);
    const total = b.fill(server);
    assert.ok(b.sendBuffer(server).queued > (2 / 3) * size);
    b.drain(client, total);
    assert.equal(b.sendBuffer(server).queued, 0);
  },

  "connecting is done at once, or fails at once": (b) => {
    const { listener, path } = listening(b, 0);
    const epoll = b.epoll();
    epoll.add(listener, abi.EPOLLIN);
    epoll.quiet();
    const client = b.socket(abi.AF_UNIX);
    assert.equal(b.connectPath(client, path), 0);
    assert.deepEqual(epoll.next(), { [listener]: "IN" });
    assert.equal(b.connectPath(b.socket(abi.AF_UNIX), path), "EAGAIN"); // the queue is full
    assert.equal(typeof b.accept(listener), "number");
    assert.equal(b.connectPath(client, path), "EISCONN");
    assert.equal(b.connectPath(b.socket(abi.AF_UNIX), path), 0);
    assert.equal(b.connectPath(b.socket(abi.AF_UNIX), b.world.freshPath()), "ENOENT");
    b.close(listener);
    assert.equal(b.connectPath(b.socket(abi.AF_UNIX), path), "ECONNREFUSED");
    assert.equal(b.bindPath(b.socket(abi.AF_UNIX), path), "EADDRINUSE");
  },

  "a socket that is not connected, and one that is": (b) => {
    const fd = b.socket(abi.AF_UNIX);
    const epoll = b.epoll();
    epoll.add(fd);
    assert.deepEqual(epoll.next(), { [fd]: "OUT HUP" });
    assert.equal(b.send(fd, "a"), "ENOTCONN");
    assert.equal(b.recv(fd), "EINVAL");
    const [client, server] = pair(b);
    epoll.add(client);
    assert.deepEqual(epoll.next(), { [client]: "OUT" });
    assert.equal(b.recv(server), "EAGAIN");
    assert.equal(b.pendingError(client), 0);
  },

  "bytes, FIN and half-close": (b) => {
    const [client, server] = pair(b);
    const epoll = b.epoll();
    epoll.add(server);
    epoll.clear();
    b.send(client, "ab");
    b.send(client, "cd");
    assert.deepEqual(epoll.next(), { [server]: "IN OUT" });
    assert.equal(b.recv(server), "abcd");
    b.libc.shutdown(client, abi.SHUT_WR);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP" });
    assert.equal(b.recv(server), "FIN");
    assert.equal(b.send(server, "still"), 5);
    assert.equal(b.recv(client), "still");
    assert.equal(b.send(client, "no"), "EPIPE");
    b.libc.shutdown(server, abi.SHUT_WR);
    assert.equal(epoll.until(server, "HUP"), "IN OUT RDHUP HUP");
  },

  "a peer that closes": (b) => {
    const [client, server] = pair(b);
    const epoll = b.epoll();
    epoll.add(server);
    epoll.clear();
    b.send(client, "last");
    b.close(client);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP HUP" });
    assert.equal(b.send(server, "a"), "EPIPE");
    assert.equal(b.recv(server), "last");
    assert.equal(b.recv(server), "FIN");
  },

  "a peer that closes with unread bytes": (b) => {
    const [client, server] = pair(b);
    const epoll = b.epoll();
    epoll.add(server);
    epoll.clear();
    b.send(server, "never read");
    b.close(client);
    assert.equal(epoll.until(server, "ERR"), "IN OUT RDHUP ERR HUP");
    assert.equal(b.recv(server), "ECONNRESET");
    assert.equal(b.recv(server), "FIN");
  },

  "there is no reset: lingering makes no difference": (b) => {
    const [client, server] = pair(b);
    b.lingerZero(client);
    b.send(client, "all");
    b.close(client);
    assert.equal(b.recv(server), "all");
    assert.equal(b.recv(server), "FIN");
  },

  "every read makes an edge of room for the writer": (b) => {
    const [client, server] = pair(b);
    const epoll = b.epoll();
    epoll.add(server, ALL_EDGES);
    epoll.clear();
    b.send(server, "a");
    epoll.quiet();
    assert.equal(b.recv(client), "a");
    assert.deepEqual(epoll.next(), { [server]: "OUT" });
    epoll.quiet();
  },

  "full, and room again": (b) => {
    const [client, server] = pair(b);
    const epoll = b.epoll();
    epoll.add(server, ALL_EDGES);
    epoll.clear();
    const total = b.fill(server);
    assert.ok(total > 0);
    epoll.quiet();
    b.drain(client, total);
    assert.equal(epoll.until(server, "OUT"), "OUT");
    assert.equal(b.send(server, "a"), 1);
  },

  "closing a listener cuts off the connections that wait": (b) => {
    const { listener, path } = listening(b);
    const client = b.socket(abi.AF_UNIX);
    b.connectPath(client, path);
    assert.equal(b.send(client, "hello"), 5);
    const epoll = b.epoll();
    epoll.add(client);
    epoll.clear();
    b.close(listener);
    assert.equal(epoll.until(client, "HUP"), "IN OUT RDHUP ERR HUP");
    assert.equal(b.recv(client), "ECONNRESET");
    assert.equal(b.send(client, "a"), "EPIPE");
  },

  "through a pipe": (b) => {
    const [client, server] = pair(b);
    const [read, write] = b.pipe();
    assert.equal(b.splice(server, write, 4096), "EAGAIN");
    b.send(client, "spliced");
    assert.equal(b.splice(server, write, 4096), 7);
    assert.equal(b.splice(read, server, 4096), 7);
    assert.equal(b.recv(client), "spliced");
    b.close(client);
    assert.equal(b.splice(server, write, 4096), 0);
    b.write(write, "a");
    assert.equal(b.splice(read, server, 4096), "EPIPE");
  },

  options: (b) => {
    const fd = b.socket(abi.AF_UNIX);
    assert.equal(b.set(fd, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1), "EOPNOTSUPP");
    assert.equal(b.set(fd, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1), 0);
    const [client] = pair(b);
    assert.deepEqual(b.localAddress(client), { host: "::", port: 0 });
  },
};
