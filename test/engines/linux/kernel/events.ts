/** Epoll itself, and eventfds. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { EPOLLONESHOT } from "../../../support/kernel/numbers.ts";
import type { Programs } from "./programs.ts";

const IN_EDGE = abi.EPOLLIN | abi.EPOLLET;

export const events: Programs = {
  "adding reports what holds already": (b) => {
    const [client, server] = b.pair();
    b.send(client, "a");
    b.libc.shutdown(client, abi.SHUT_WR);
    b.world.sleep(2);
    const epoll = b.epoll();
    epoll.add(server);
    assert.deepEqual(epoll.next(), { [server]: "IN OUT RDHUP" });
    epoll.quiet();
  },

  "adding, changing and removing, wrongly": (b) => {
    const epoll = b.epoll();
    const fd = b.eventfd();
    assert.equal(epoll.add(fd), 0);
    assert.equal(epoll.add(fd), "EEXIST");
    assert.equal(epoll.control(abi.EPOLL_CTL_DEL, fd, 0), 0);
    assert.equal(epoll.control(abi.EPOLL_CTL_DEL, fd, 0), "ENOENT");
    assert.equal(epoll.control(abi.EPOLL_CTL_MOD, fd, abi.EPOLLIN), "ENOENT");
    assert.equal(epoll.control(77, fd, 0), "EINVAL");
    assert.equal(epoll.add(epoll.fd), "EINVAL");
    b.close(fd);
    assert.equal(epoll.add(fd), "EBADF");
    const other = b.eventfd();
    assert.equal(b.outcome(b.libc.epoll_wait(other, b.libc.alloc(64).at(0), 1, 0)), "EINVAL");
    assert.equal(b.outcome(b.libc.epoll_wait(epoll.fd, b.libc.alloc(64).at(0), 0, 0)), "EINVAL");
  },

  "level-triggered is reported until it no longer holds": (b) => {
    const [client, server] = b.pair();
    const epoll = b.epoll();
    epoll.add(server, abi.EPOLLIN);
    epoll.quiet();
    b.send(client, "ab");
    for (let i = 0; i < 3; i++) assert.deepEqual(epoll.next(), { [server]: "IN" });
    b.recv(server, 1);
    assert.deepEqual(epoll.next(), { [server]: "IN" });
    b.recv(server, 1);
    epoll.quiet();
  },

  "an edge is reported with all that holds by then, or not at all": (b) => {
    const [client, server] = b.pair();
    const epoll = b.epoll();
    epoll.add(server, IN_EDGE);
    b.send(client, "a");
    assert.equal(b.recvSoon(server), "a");
    epoll.quiet(); // the edge came, and nothing is left of it
    b.send(client, "b");
    b.libc.shutdown(client, abi.SHUT_WR);
    b.world.sleep(2);
    assert.deepEqual(epoll.next(), { [server]: "IN" });
    epoll.quiet();
  },

  "only what is waited for makes an edge": (b) => {
    const [client, server] = b.pair();
    const epoll = b.epoll();
    epoll.add(server, abi.EPOLLOUT | abi.EPOLLET);
    assert.deepEqual(epoll.next(), { [server]: "OUT" });
    b.send(client, "a");
    epoll.quiet();
    b.libc.shutdown(client, abi.SHUT_WR); // a change of state is one for everybody
    assert.deepEqual(epoll.next(), { [server]: "OUT" });
  },

  "errors are reported whether they are waited for or not": (b) => {
    const [client, server] = b.pair();
    const epoll = b.epoll();
    epoll.add(server, abi.EPOLLET);
    epoll.quiet();
    b.send(client, "a");
    epoll.quiet();
    b.reset(client);
    assert.deepEqual(epoll.next(), { [server]: "ERR HUP" });
  },

  "a change is looked at again": (b) => {
    const [client, server] = b.pair();
    const epoll = b.epoll();
    epoll.add(server, IN_EDGE);
    b.send(client, "a");
    assert.deepEqual(epoll.next(), { [server]: "IN" });
    epoll.quiet();
    assert.equal(epoll.control(abi.EPOLL_CTL_MOD, server, IN_EDGE, server), 0);
    assert.deepEqual(epoll.next(), { [server]: "IN" });
    assert.equal(epoll.control(abi.EPOLL_CTL_MOD, server, abi.EPOLLOUT | abi.EPOLLET, server), 0);
    assert.deepEqual(epoll.next(), { [server]: "OUT" });
  },

  "one report, and no more until it is asked for again": (b) => {
    const [client, server] = b.pair();
    const epoll = b.epoll();
    epoll.add(server, abi.EPOLLIN | EPOLLONESHOT);
    b.send(client, "a");
    assert.deepEqual(epoll.next(), { [server]: "IN" });
    b.send(client, "b");
    epoll.quiet();
    epoll.control(abi.EPOLL_CTL_MOD, server, abi.EPOLLIN | EPOLLONESHOT, server);
    assert.deepEqual(epoll.next(), { [server]: "IN" });
  },

  "a descriptor that is removed or closed is not reported, even if it was ready": (b) => {
    const epoll = b.epoll();
    const [one, two, three] = [b.eventfd(), b.eventfd(), b.eventfd()];
    for (const fd of [one, two, three]) epoll.add(fd, IN_EDGE);
    for (const fd of [one, two, three]) b.signal(fd);
    b.close(one);
    epoll.control(abi.EPOLL_CTL_DEL, two, 0);
    assert.deepEqual(epoll.next(), { [three]: "IN" });
    epoll.quiet();
  },

  "a number that is used again is another descriptor": (b) => {
    const epoll = b.epoll();
    const first = b.eventfd(1);
    epoll.add(first, IN_EDGE, 1);
    b.close(first);
    const second = b.eventfd();
    assert.equal(second, first);
    epoll.quiet();
    assert.equal(epoll.add(second, IN_EDGE, 2), 0);
    b.signal(second);
    assert.deepEqual(epoll.next(), { 2: "IN" });
  },

  "reports come in the order of the changes, and what does not fit comes next": (b) => {
    const epoll = b.epoll();
    const fds = Array.from({ length: 5 }, () => b.eventfd());
    for (const fd of fds) epoll.add(fd, IN_EDGE);
    const order = [3, 1, 4, 0, 2].map((i) => fds[i]!);
    for (const fd of order) b.signal(fd);
    const tags = (capacity: number) => epoll.wait(50, capacity).map(([tag]) => tag);
    assert.deepEqual(tags(2), order.slice(0, 2));
    b.signal(order[0]!);
    assert.deepEqual(tags(2), order.slice(2, 4));
    assert.deepEqual(tags(4), [order[4], order[0]]);
    epoll.quiet();
  },

  "level-triggered ones take turns": (b) => {
    const epoll = b.epoll();
    const fds = [b.eventfd(1), b.eventfd(1), b.eventfd(1)];
    for (const fd of fds) epoll.add(fd, abi.EPOLLIN);
    const seen = [1, 2, 3, 4].map(() => epoll.wait(50, 1)[0]![0]);
    assert.deepEqual(seen, [fds[0], fds[1], fds[2], fds[0]]);
  },

  "one descriptor in two sets": (b) => {
    const [client, server] = b.pair();
    const [one, other] = [b.epoll(), b.epoll()];
    one.add(server, IN_EDGE);
    other.add(server, abi.EPOLLIN);
    b.send(client, "a");
    assert.deepEqual(one.next(), { [server]: "IN" });
    assert.deepEqual(other.next(), { [server]: "IN" });
    one.quiet();
    b.close(server);
    other.quiet();
  },

  "an eventfd counts, and wakes with every write": (b) => {
    const fd = b.eventfd(2);
    const epoll = b.epoll();
    epoll.add(fd, abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLET);
    assert.deepEqual(epoll.next(), { [fd]: "IN OUT" });
    b.signal(fd, 3);
    assert.deepEqual(epoll.next(), { [fd]: "IN OUT" });
    assert.equal(b.takeCount(fd), 5);
    assert.equal(b.takeCount(fd), "EAGAIN");
    assert.deepEqual(epoll.next(), { [fd]: "OUT" }); // there is room for more, says the read
    assert.equal(b.write(fd, "short"), "EINVAL");
    assert.equal(b.outcome(b.libc.read(fd, b.libc.alloc(8).at(0), 4)), "EINVAL");
    b.signal(fd);
    b.signal(fd);
    assert.deepEqual(epoll.next(), { [fd]: "IN OUT" });
    epoll.quiet();
  },

  "waiting ends when its time is over": (b) => {
    const epoll = b.epoll();
    epoll.add(b.eventfd(), abi.EPOLLIN);
    assert.deepEqual(epoll.wait(0), []);
    assert.deepEqual(epoll.wait(20), []);
  },
};
