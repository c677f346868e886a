/** Options of sockets that an operator may decide about, and addresses to connect from. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { localPorts } from "../../../../src/engines/linux/sys/local-ports.ts";
import { OptionCalls, optionFailure, type SocketOption } from "../../../../src/engines/linux/sys/socket-options.ts";
import type { Programs } from "./programs.ts";

const RENO: SocketOption = { of: "congestion", level: abi.IPPROTO_TCP, name: abi.TCP_CONGESTION, value: "reno" };

export const options: Programs = {
  "what is accepted has the listener's congestion control, DSCP and buffers": (b) => {
    const calls = new OptionCalls(b.libc);
    const { fd: listener, port } = b.listener();
    assert.equal(calls.set(listener, RENO), 0);
    b.set(listener, abi.IPPROTO_IP, abi.IP_TOS, 46 << 2);
    b.set(listener, abi.SOL_SOCKET, abi.SO_SNDBUF, 50_000);
    const client = b.socket();
    b.connect(client, port);
    const served = b.accepted(listener);
    assert.equal(calls.read(served, RENO).value, "reno");
    assert.equal(b.get(served, abi.IPPROTO_IP, abi.IP_TOS), 46 << 2);
    assert.equal(b.get(served, abi.SOL_SOCKET, abi.SO_SNDBUF), 100_000);
    assert.equal(b.get(client, abi.IPPROTO_IP, abi.IP_TOS), 0);
  },

  "a congestion control that is not there": (b) => {
    const option = { ...RENO, value: "no-such-thing" };
    const errno = new OptionCalls(b.libc).set(b.socket(), option);
    assert.equal(errno, abi.ENOENT);
    assert.match(optionFailure(option, errno, "it").message, /this kernel has no congestion control "no-such-thing"/);
  },

  "a size that is read can be set again": (b) => {
    const calls = new OptionCalls(b.libc);
    const fd = b.socket();
    const option = { of: "sendBuffer", level: abi.SOL_SOCKET, name: abi.SO_SNDBUF, value: 40_000 };
    calls.set(fd, option);
    assert.equal(calls.read(fd, option).value, 40_000);
  },

  "a socket is readable from its low water mark on": (b) => {
    const [client, server] = b.pair();
    const epoll = b.epoll();
    epoll.add(server, abi.EPOLLIN | abi.EPOLLRDHUP | abi.EPOLLET);
    assert.equal(b.set(server, abi.SOL_SOCKET, abi.SO_RCVLOWAT, 3), 0);
    b.send(client, "ab");
    b.world.sleep(2);
    epoll.quiet();
    b.send(client, "c");
    assert.deepEqual(epoll.next(), { [server]: "IN" });
    assert.equal(b.set(server, abi.SOL_SOCKET, abi.SO_RCVLOWAT, 5), 0);
    b.libc.shutdown(client, abi.SHUT_WR);
    assert.deepEqual(epoll.next(), { [server]: "IN RDHUP" });
  },

  "listeners take fast open and deferred accepts": (b) => {
    const { fd } = b.listener();
    assert.equal(b.set(fd, abi.IPPROTO_TCP, abi.TCP_FASTOPEN, 64), 0);
    assert.equal(b.set(fd, abi.IPPROTO_TCP, abi.TCP_DEFER_ACCEPT, 3), 0);
    assert.equal(b.get(fd, abi.IPPROTO_TCP, abi.TCP_FASTOPEN), 64);
  },

  "an address that is bound without a port gets one when it connects": (b) => {
    const { port } = b.listener();
    const fd = b.socket();
    assert.equal(b.set(fd, abi.IPPROTO_IP, abi.IP_BIND_ADDRESS_NO_PORT, 1), 0);
    assert.equal(b.bind(fd, "127.0.0.3", 0), 0);
    assert.deepEqual(b.localAddress(fd), { host: "127.0.0.3", port: 0 });
    b.connect(fd, port);
    const local = b.localAddress(fd);
    assert.equal(local.host, "127.0.0.3");
    assert.ok(local.port > 0);
  },

  "a port towards one target is one connection's": (b) => {
    const { port } = b.listener();
    const host = "127.0.0.4"; // connections of others at 127.0.0.1 may have the same port, which nobody can bind then
    const one = b.socket();
    b.set(one, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    b.set(one, abi.IPPROTO_IP, abi.IP_BIND_ADDRESS_NO_PORT, 1);
    b.bind(one, host, 0);
    b.connect(one, port);
    const { port: used } = b.localAddress(one);
    const other = b.socket();
    b.set(other, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    assert.equal(b.bind(other, host, used), 0);
    assert.equal(b.connect(other, port), "EADDRNOTAVAIL");
  },

  "ports of connections are of the range that the kernel tells": (b) => {
    const [low, high] = localPorts(b.libc)!;
    const { port } = b.listener();
    const fd = b.socket();
    b.connect(fd, port);
    const { port: used } = b.localAddress(fd);
    assert.ok(low <= used && used <= high, `${used} of ${low} to ${high}`);
  },

  "a file that is not there": (b) => {
    const { at, bytes } = b.libc.alloc(32);
    bytes.set(new TextEncoder().encode("/no/such/file"));
    assert.equal(b.outcome(b.libc.open(at(0), abi.O_RDONLY)), "ENOENT");
  },
};
