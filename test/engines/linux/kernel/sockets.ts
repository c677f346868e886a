/** Making connections: listen, accept, connect, their failures, names and options. */
import assert from "node:assert/strict";
import { SynFilter } from "../../../../src/engines/linux/main/syn-filter.ts";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import type { Bench } from "./bench.ts";
import type { Programs } from "./programs.ts";

export const sockets: Programs = {
  "a socket that is not connected": (b) => {
    const fd = b.socket();
    const epoll = b.epoll();
    epoll.add(fd);
    assert.deepEqual(epoll.next(), { [fd]: "OUT HUP" });
    assert.equal(b.recv(fd), "ENOTCONN");
    assert.equal(b.send(fd, "a"), "EPIPE");
    assert.equal(b.outcome(b.libc.shutdown(fd, abi.SHUT_WR)), "ENOTCONN");
    assert.equal(b.accept(fd), "EINVAL");
  },

  "connecting is not waited for, and completes with an event": (b) => {
    const { fd: listener, port } = b.listener();
    const client = b.socket();
    assert.equal(b.connect(client, port), "EINPROGRESS");
    const epoll = b.epoll();
    epoll.add(client);
    epoll.until(client, "OUT");
    assert.equal(b.pendingError(client), 0);
    assert.equal(b.connect(client, port), 0);
    assert.equal(b.connect(client, port), "EISCONN");
    b.accepted(listener);
    epoll.quiet();
  },

  "a port where nothing listens refuses": (b) => {
    const port = freePort(b);
    const client = b.socket();
    const epoll = b.epoll();
    epoll.add(client);
    epoll.clear();
    assert.equal(b.connect(client, port), "EINPROGRESS");
    assert.deepEqual(epoll.next(), { [client]: "IN OUT RDHUP ERR HUP" });
    assert.equal(b.pendingError(client), "ECONNREFUSED");
    assert.equal(b.pendingError(client), 0);
    assert.equal(b.recv(client), "FIN");
    assert.equal(b.send(client, "a"), "EPIPE");
    epoll.quiet();
  },

  "a refusal is told once: by recv, by send or by SO_ERROR": (b) => {
    const port = freePort(b);
    const one = b.socket();
    b.connect(one, port);
    assert.equal(b.recvSoon(one), "ECONNREFUSED");
    assert.equal(b.recv(one), "FIN");
    const other = b.socket();
    b.connect(other, port);
    const epoll = b.epoll();
    epoll.add(other);
    epoll.until(other, "ERR");
    assert.equal(b.send(other, "a"), "ECONNREFUSED");
    assert.equal(b.send(other, "a"), "EPIPE");
  },

  "the accept queue": (b) => {
    const { fd: listener, port } = b.listener();
    assert.equal(b.accept(listener), "EAGAIN");
    assert.equal(b.recv(listener), "ENOTCONN");
    const epoll = b.epoll();
    epoll.add(listener, abi.EPOLLIN);
    epoll.quiet();
    const clients = [b.socket(), b.socket()];
    for (const client of clients) b.connect(client, port);
    assert.deepEqual(epoll.next(), { [listener]: "IN" });
    const first = b.acceptedFrom(listener);
    assert.deepEqual(first.address, b.localAddress(clients[0]!));
    assert.deepEqual(b.localAddress(first.fd), { host: "127.0.0.1", port });
    assert.deepEqual(epoll.next(), { [listener]: "IN" });
    assert.deepEqual(b.acceptedFrom(listener).address, b.localAddress(clients[1]!));
    epoll.quiet();
    assert.equal(b.accept(listener), "EAGAIN");
  },

  "a listener tells how many wait": (b) => {
    const { fd: listener, port } = b.listener();
    const epoll = b.epoll();
    epoll.add(listener, abi.EPOLLIN);
    assert.equal(b.backlog(listener), 0);
    for (let count = 1; count <= 3; count++) {
      b.connect(b.socket(), port);
      assert.deepEqual(epoll.next(), { [listener]: "IN" });
      assert.equal(b.backlog(listener), count);
    }
    b.accepted(listener);
    assert.equal(b.backlog(listener), 2);
  },

  "an edge-triggered listener is reported once per connection": (b) => {
    const { fd: listener, port } = b.listener();
    const epoll = b.epoll();
    epoll.add(listener, abi.EPOLLIN | abi.EPOLLET);
    b.connect(b.socket(), port);
    assert.deepEqual(epoll.next(), { [listener]: "IN" });
    epoll.quiet();
    b.connect(b.socket(), port);
    assert.deepEqual(epoll.next(), { [listener]: "IN" });
    b.accepted(listener);
    epoll.quiet();
  },

  "a connection that is reset before it is accepted is accepted all the same": (b) => {
    const { fd: listener, port } = b.listener();
    const client = b.socket();
    b.connect(client, port);
    const address = b.localAddress(client);
    b.send(client, "said before");
    const epoll = b.epoll();
    epoll.add(listener, abi.EPOLLIN);
    epoll.next();
    b.reset(client);
    assert.deepEqual(epoll.next(), { [listener]: "IN" });
    const served = b.acceptedFrom(listener);
    assert.deepEqual(served.address, address);
    epoll.add(served.fd);
    assert.deepEqual(epoll.next(), { [served.fd]: "IN OUT RDHUP ERR HUP" });
    assert.equal(b.recv(served.fd), "said before");
    assert.equal(b.recv(served.fd), "ECONNRESET");
    assert.equal(b.recv(served.fd), "FIN");
  },

  "a connection that ends before it is accepted has its bytes": (b) => {
    const { fd: listener, port } = b.listener();
    const client = b.socket();
    b.connect(client, port);
    b.send(client, "all I have to say");
    b.close(client);
    const served = b.accepted(listener);
    assert.equal(b.recvSoon(served), "all I have to say");
    assert.equal(b.recv(served), "FIN");
  },

  "closing a listener resets the connections in its queue": (b) => {
    const { fd: listener, port } = b.listener();
    const client = b.socket();
    b.connect(client, port);
    const epoll = b.epoll();
    epoll.add(client);
    epoll.until(client, "OUT");
    b.close(listener);
    assert.deepEqual(epoll.next(), { [client]: "IN OUT RDHUP ERR HUP" });
    assert.equal(b.pendingError(client), "ECONNRESET");
    const late = b.socket();
    b.connect(late, port);
    assert.equal(b.recvSoon(late), "ECONNREFUSED");
  },

  "a listener that drops SYNs takes what was connected before, and nothing new": (b) => {
    const { fd: listener, port } = b.listener();
    const before = b.socket();
    b.connect(before, port);
    assert.ok(new SynFilter(b.libc).dropSyns([listener]));
    const late = b.socket();
    b.connect(late, port);
    const served = b.accepted(listener);
    b.send(before, "there and");
    assert.equal(b.recvSoon(served), "there and");
    b.send(served, "back");
    assert.equal(b.recvSoon(before), "back");
    const epoll = b.epoll();
    epoll.add(late);
    epoll.clear();
    assert.equal(b.accept(listener), "EAGAIN");
    b.close(listener);
    epoll.until(late, "ERR"); // with the next SYN, after a second
    assert.equal(b.pendingError(late), "ECONNREFUSED");
  },

  "dropping SYNs where it cannot be done": (b) => {
    const [read] = b.pipe();
    assert.equal(new SynFilter(b.libc).dropSyns([read]), false);
    assert.equal(b.set(b.socket(), abi.SOL_SOCKET, abi.SO_ATTACH_FILTER, 0), "EINVAL");
  },

  "a full queue leaves further clients without an answer until there is room": (b) => {
    const { fd: listener, port } = b.listener({ backlog: 0 });
    const first = b.socket();
    b.connect(first, port);
    const second = b.socket();
    assert.equal(b.connect(second, port), "EINPROGRESS");
    const epoll = b.epoll();
    epoll.add(second);
    epoll.quiet();
    assert.equal(b.connect(second, port), "EALREADY");
    assert.equal(b.send(second, "a"), "EAGAIN");
    assert.equal(b.recv(second), "EAGAIN");
    b.accepted(listener);
    assert.deepEqual(epoll.next(), { [second]: "OUT" }); // with the next SYN, after a second
    b.accepted(listener);
  },

  "giving up a connect that has no answer": (b) => {
    const { fd: listener, port } = b.listener({ backlog: 0 });
    b.connect(b.socket(), port);
    const second = b.socket();
    b.connect(second, port);
    const epoll = b.epoll();
    epoll.add(second);
    b.close(second);
    epoll.quiet();
    b.accepted(listener);
    assert.equal(b.accept(listener), "EAGAIN");
  },

  "what is accepted inherits the listener's options": (b) => {
    const { fd: listener, port } = b.listener();
    b.set(listener, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    b.set(listener, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1);
    b.set(listener, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE, 45);
    const client = b.socket();
    b.connect(client, port);
    const served = b.accepted(listener);
    assert.equal(b.get(served, abi.IPPROTO_TCP, abi.TCP_NODELAY), 1);
    assert.equal(b.get(served, abi.SOL_SOCKET, abi.SO_KEEPALIVE), 1);
    assert.equal(b.get(served, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE), 45);
    assert.equal(b.get(client, abi.IPPROTO_TCP, abi.TCP_NODELAY), 0);
    assert.equal(b.get(client, abi.SOL_SOCKET, abi.SO_KEEPALIVE), 0);
  },

  "options that are not known, or not on this": (b) => {
    const fd = b.socket();
    assert.equal(b.set(fd, abi.IPPROTO_TCP, 250, 1), "ENOPROTOOPT");
    assert.equal(b.set(fd, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE, 0), "EINVAL");
    const [read] = b.pipe();
    assert.equal(b.set(read, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1), "ENOTSOCK");
    assert.equal(b.recv(read), "ENOTSOCK");
    assert.equal(b.accept(b.eventfd()), "ENOTSOCK");
    b.close(fd);
    assert.equal(b.set(fd, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1), "EBADF");
    assert.equal(b.recv(fd), "EBADF");
    assert.equal(b.close(fd), "EBADF");
  },

  "one port, one listener, unless both share it": (b) => {
    const { fd, port } = b.listener();
    const other = b.socket();
    b.set(other, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    assert.equal(b.bind(other, "127.0.0.1", port), "EADDRINUSE");
    assert.equal(b.bind(other, "0.0.0.0", port), "EADDRINUSE");
    b.set(other, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1);
    assert.equal(b.bind(other, "127.0.0.1", port), "EADDRINUSE");
    b.set(fd, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1);
    assert.equal(b.bind(other, "127.0.0.1", port), 0);
    assert.equal(b.listen(other), 0);
    assert.equal(b.bind(other, "127.0.0.1", port), "EINVAL");
  },

  "listeners on one port share its connections": (b) => {
    const { fd: first, port } = b.listener();
    b.set(first, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1);
    const second = b.socket();
    b.set(second, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    b.set(second, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1);
    assert.equal(b.bind(second, "127.0.0.1", port), 0);
    assert.equal(b.listen(second, 128), 0);
    assert.equal(b.listen(first, 128), 0);
    for (let i = 0; i < 64; i++) b.connect(b.socket(), port);
    b.world.sleep(20);
    const taken = [first, second].map((listener) => {
      let count = 0;
      while (typeof b.accept(listener) === "number") count++;
      return count;
    });
    assert.equal(taken[0]! + taken[1]!, 64);
    assert.ok(Math.min(...taken) > 10, `shares of ${taken.join(" and ")}`);
    b.close(second);
    for (let i = 0; i < 8; i++) b.connect(b.socket(), port);
    for (let i = 0; i < 8; i++) b.accepted(first);
  },

  "an address that is not this machine's": (b) => {
    assert.equal(b.bind(b.socket(), "192.0.2.1", 0), "EADDRNOTAVAIL");
    assert.equal(b.bind(b.socket(), "::1", 0), "EAFNOSUPPORT");
  },

  "every interface": (b) => {
    const { fd: listener, port } = b.listener({ host: "0.0.0.0" });
    const client = b.socket();
    b.connect(client, port, "127.0.0.2");
    const served = b.acceptedFrom(listener);
    assert.deepEqual(b.localAddress(served.fd), { host: "127.0.0.2", port });
  },

  "IPv6, with IPv4 mapped into it": (b) => {
    const fd = b.trySocket(abi.AF_INET6);
    if (fd < 0) return; // this machine has no IPv6
    b.fd(fd);
    b.set(fd, abi.IPPROTO_IPV6, abi.IPV6_V6ONLY, 0);
    assert.equal(b.bind(fd, "::", 0), 0);
    b.listen(fd);
    const { port } = b.localAddress(fd);
    const v4 = b.socket();
    b.connect(v4, port);
    b.world.sleep(2);
    assert.deepEqual(b.acceptedFrom(fd).address, b.localAddress(v4));
    const v6 = b.socket(abi.AF_INET6);
    assert.equal(b.connect(v6, port, "::1"), "EINPROGRESS");
    b.world.sleep(2);
    const from = b.acceptedFrom(fd).address;
    assert.deepEqual(from, { host: "::1", port: b.localAddress(v6).port });
    assert.equal(b.connect(b.socket(abi.AF_INET6), port, "fe80::1"), "EINVAL"); // of which interface?
  },

  "IPv6 alone does not take IPv4": (b) => {
    const fd = b.trySocket(abi.AF_INET6);
    if (fd < 0) return;
    b.fd(fd);
    b.set(fd, abi.IPPROTO_IPV6, abi.IPV6_V6ONLY, 1);
    assert.equal(b.bind(fd, "::", 0), 0);
    b.listen(fd);
    const v4 = b.socket();
    b.connect(v4, b.localAddress(fd).port);
    assert.equal(b.recvSoon(v4), "ECONNREFUSED");
  },

  "a socket can connect to itself": (b) => {
    const fd = b.socket();
    b.bind(fd, "127.0.0.1", 0);
    const own = b.localAddress(fd);
    assert.equal(b.connect(fd, own.port), "EINPROGRESS");
    const epoll = b.epoll();
    epoll.add(fd);
    assert.match(epoll.until(fd, "OUT"), /^OUT$/);
    assert.equal(b.send(fd, "echo"), 4);
    assert.equal(b.recvSoon(fd), "echo");
    assert.deepEqual(b.localAddress(fd), own);
  },
};

/** A port that was just given back. */
function freePort(b: Bench): number {
  const { fd, port } = b.listener();
  b.close(fd);
  return port;
}
