/** Pipes, splice between pipes and sockets, and the limits of descriptors. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { F_GETPIPE_SZ, PAGE_BYTES } from "../../../support/kernel/numbers.ts";
import { ALL_EDGES, type Bench, SETTLE_MS } from "./bench.ts";
import type { Programs } from "./programs.ts";

function size(b: Bench, fd: number): unknown {
  return b.outcome(b.libc.fcntl(fd, F_GETPIPE_SZ, 0));
}

/** Fills a pipe with bytes; returns how many. */
function stuff(b: Bench, write: number): number {
  let total = 0;
  for (let n = b.write(write, "x".repeat(PAGE_BYTES)); n !== "EAGAIN"; n = b.write(write, "x".repeat(PAGE_BYTES))) {
    total += n as number;
  }
  return total;
}

export const pipes: Programs = {
  "a pipe holds sixteen pages": (b) => {
    const [read, write] = b.pipe();
    assert.equal(b.read(read), "EAGAIN");
    assert.equal(size(b, write), 65_536);
    assert.equal(stuff(b, write), 65_536);
    assert.equal(b.read(read, 5), "xxxxx");
    assert.equal(b.write(write, "y"), "EAGAIN"); // the first page is still there
    b.read(read, PAGE_BYTES - 5);
    assert.equal(b.write(write, "y"), 1);
    assert.equal(b.write(read, "wrong end"), "EBADF");
    assert.equal(b.read(write), "EBADF");
  },

  "a pipe's size is a power of two of pages": (b) => {
    const [read, write] = b.pipe();
    assert.equal(b.outcome(b.libc.fcntl(write, abi.F_SETPIPE_SZ, 100_000)), 131_072);
    assert.equal(stuff(b, write), 131_072);
    assert.equal(b.outcome(b.libc.fcntl(read, abi.F_SETPIPE_SZ, 4096)), "EBUSY");
    assert.equal(b.read(read, 65_536).length, 65_536);
    assert.equal(b.outcome(b.libc.fcntl(read, abi.F_SETPIPE_SZ, 65_536)), 65_536);
    assert.equal(b.outcome(b.libc.fcntl(b.socket(), abi.F_SETPIPE_SZ, 65_536)), "EBADF");
  },

  "a pipe whose other end is closed": (b) => {
    const [read, write] = b.pipe();
    b.write(write, "rest");
    b.close(write);
    assert.equal(b.read(read, 2), "re");
    assert.equal(b.read(read), "st");
    assert.equal(b.read(read), "FIN");
    const [read2, write2] = b.pipe();
    b.close(read2);
    assert.equal(b.write(write2, "a"), "EPIPE");
  },

  "from socket to pipe to socket": (b) => {
    const [client, server] = b.pair();
    const [a, z] = b.pair();
    const [read, write] = b.pipe();
    assert.equal(b.splice(server, write, 65_536), "EAGAIN");
    b.send(client, "through the pipe");
    b.world.sleep(2);
    assert.equal(b.splice(server, write, 7), 7);
    assert.equal(b.splice(server, write, 65_536), 9);
    assert.equal(b.splice(server, write, 65_536), "EAGAIN");
    assert.equal(b.splice(read, a, 10), 10);
    assert.equal(b.splice(read, a, 65_536), 6);
    assert.equal(b.splice(read, a, 65_536), "EAGAIN");
    b.world.sleep(2);
    assert.equal(b.recvSoon(z), "through the pipe");
    assert.equal(b.splice(server, write, 0), 0);
  },

  "a FIN and a reset, seen by splice": (b) => {
    const [client, server] = b.pair();
    const [, write] = b.pipe();
    b.send(client, "end");
    b.libc.shutdown(client, abi.SHUT_WR);
    b.world.sleep(2);
    assert.equal(b.splice(server, write, 65_536), 3);
    assert.equal(b.splice(server, write, 65_536), 0);
    const [client2, server2] = b.pair();
    b.send(client2, "cut");
    b.reset(client2);
    b.world.sleep(2);
    assert.equal(b.splice(server2, write, 65_536), 3);
    assert.equal(b.splice(server2, write, 65_536), "ECONNRESET");
    assert.equal(b.splice(server2, write, 65_536), 0);
  },

  "a pipe that is full of small pieces takes no more": (b) => {
    const [client, server] = b.pair();
    const [read, write] = b.pipe();
    b.set(client, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    for (let i = 0; i < 16; i++) {
      b.send(client, "x");
      b.world.sleep(1);
      assert.equal(b.splice(server, write, 65_536), 1);
    }
    b.send(client, "y");
    b.world.sleep(2);
    assert.equal(b.splice(server, write, 65_536), "EAGAIN"); // the pipe's, not the socket's
    assert.equal(b.read(read, 1), "x");
    assert.equal(b.splice(server, write, 65_536), 1);
    assert.equal(b.read(read), `${"x".repeat(15)}y`);
  },

  "a splice may come back short, with more to be had": (b) => {
    const [client, server] = b.pair();
    const [read, write] = b.pipe();
    b.set(client, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    for (let i = 0; i < 3; i++) b.sendBytes(client, 60_000);
    b.world.sleep(10);
    const first = b.splice(server, write, 1 << 20);
    assert.equal(typeof first, "number");
    assert.ok((first as number) <= 65_536, `${first} bytes`);
    const second = b.splice(server, write, 1 << 20);
    assert.ok((second as number) > 0, `then ${second}`);
    let total = (first as number) + (second as number);
    let left = total;
    while (total < 180_000 || left > 0) {
      for (; left > 0; left -= b.read(read, left).length);
      const more = b.splice(server, write, 1 << 20);
      if (more === "EAGAIN") break;
      total += more as number;
      left = more as number;
    }
    assert.equal(total, 180_000);
  },

  "a socket that is full leaves the rest in the pipe": (b) => {
    const [client, server] = b.fixedPair();
    const epoll = b.epoll();
    epoll.add(server, ALL_EDGES);
    epoll.clear();
    let total = b.fill(server);
    const [read, write] = b.pipe();
    b.write(write, "waiting");
    assert.equal(b.splice(read, server, 65_536), "EAGAIN");
    epoll.quiet();
    b.drain(client, total);
    epoll.until(server, "OUT");
    assert.equal(b.splice(read, server, 65_536), 7);
    assert.equal(b.recvSoon(client), "waiting");
    // Without a write that failed: a splice into a full socket asks for the edge as well.
    total = 0;
    for (let refused = 0; refused < 2; ) {
      b.write(write, "x".repeat(60_000));
      const sent = b.splice(read, server, 65_536);
      if (sent === "EAGAIN") {
        refused++;
        b.world.sleep(SETTLE_MS);
      } else {
        refused = 0;
        total += sent as number;
      }
    }
    epoll.quiet();
    b.drain(client, total);
    assert.equal(epoll.until(server, "OUT"), "OUT");
  },

  "splicing into a connection that was reset": (b) => {
    const [client, server] = b.pair();
    const [read, write] = b.pipe();
    b.write(write, "lost");
    b.reset(client);
    b.world.sleep(2);
    assert.equal(b.splice(read, server, 65_536), "ECONNRESET");
    assert.equal(b.splice(read, server, 65_536), "EPIPE");
    assert.equal(b.read(read), "lost");
  },

  "what splice does not do": (b) => {
    const [client, server] = b.pair();
    const [read, write] = b.pipe();
    assert.equal(b.splice(server, client, 10), "EINVAL");
    assert.equal(b.splice(read, write, 10), "EINVAL");
    assert.equal(b.splice(write, server, 10), "EBADF");
    assert.equal(b.splice(server, read, 10), "EBADF");
    assert.equal(b.splice(9_999, write, 10), "EBADF");
    const { fd: listener } = b.listener();
    assert.equal(b.splice(listener, write, 10), "ENOTCONN");
    b.close(write);
    assert.equal(b.splice(read, server, 10), 0);
  },

  "from pipe to pipe": (b) => {
    const [read, write] = b.pipe();
    const [read2, write2] = b.pipe();
    assert.equal(b.splice(read, write2, 10), "EAGAIN");
    b.write(write, "hand over");
    assert.equal(b.splice(read, write2, 4), 4);
    assert.equal(b.splice(read, write2, 100), 5);
    assert.equal(b.read(read2), "hand over");
    stuff(b, write2);
    b.write(write, "a");
    assert.equal(b.splice(read, write2, 10), "EAGAIN");
  },

  "the lowest number that is free is used": (b) => {
    const fds = [b.eventfd(), b.socket(), b.eventfd()];
    b.close(fds[1]!);
    b.close(fds[0]!);
    assert.equal(b.eventfd(), fds[0]);
    assert.equal(b.socket(), fds[1]);
  },

  "out of descriptors": (b) => {
    const { fd: listener, port } = b.listener();
    const client = b.socket();
    b.connect(client, port);
    const spare = b.eventfd();
    const restore = b.limitDescriptors(spare + 1);
    try {
      while (b.libc.eventfd(0, abi.EFD_CLOEXEC) >= 0); // fill holes
    } finally {
      restore();
    }
    const again = b.limitDescriptors(spare + 1);
    try {
      assert.equal(b.outcome(b.trySocket()), "EMFILE");
      assert.equal(b.accept(listener), "EMFILE");
      assert.equal(b.outcome(b.tryPipe()), "EMFILE");
      assert.equal(b.outcome(b.libc.eventfd(0, 0)), "EMFILE");
      assert.equal(b.outcome(b.libc.epoll_create1(0)), "EMFILE");
      b.close(spare);
      assert.equal(b.outcome(b.tryPipe()), "EMFILE"); // it takes two
      assert.equal(b.accept(listener), spare); // the connection was not lost
    } finally {
      again();
    }
  },
};
