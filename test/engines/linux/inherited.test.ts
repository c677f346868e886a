/** Listening on sockets that are there already, as a service manager passes them on: one for all threads, which may block. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openLibc } from "#ffi";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { encodeLiteral } from "../../../src/engines/linux/sys/sockaddr.ts";
import { answerer } from "../../support/peers.ts";
import { tcp } from "../front.ts";
import { thisHost } from "../host.ts";
import { inLab } from "../lab.ts";

const skip = (await linux.test({ listen: [] })) ?? false;

/** A TCP socket on a port of loopback that blocks, as a parent makes it. */
function inherited(listens: boolean): number {
  const libc = openLibc()!;
  const fd = libc.socket(abi.AF_INET, abi.SOCK_STREAM, 0);
  const memory = libc.alloc(abi.SOCKADDR_MAX);
  assert.equal(libc.bind(fd, memory.at(0), encodeLiteral("127.0.0.1", 0, memory.bytes)), 0);
  if (listens) assert.equal(libc.listen(fd, 16), 0);
  return fd;
}

describe("linux engine, inherited sockets", () => {
  it("accepts from one in all threads, knows its address, and is its only user", { skip }, () =>
    inLab(thisHost(linux), { threads: 3, listen: [] }, async (lab) => {
      await lab.target("one", answerer("one"));
      const fd = inherited(true);
      const listener = await lab.front.listen({ fd });
      const to = tcp(listener.address);
      assert.ok(to.port > 0);
      const answers = await Promise.all(Array.from({ length: 60 }, () => lab.ask(to)));
      assert.ok(answers.every((answer) => answer === "one"));
      await assert.rejects(lab.engine.bind({ fd }, { keepalive: 0 }), { name: "NetError", code: "EADDRINUSE" });
      await lab.recorded(60);
      await listener.close();
      await assert.rejects(lab.client(to), { code: "ECONNREFUSED" });
    }),
  );

  it("leaves one alone that it was to listen on, and has not", { skip }, () =>
    inLab(thisHost(linux), { listen: [] }, async (lab) => {
      await lab.target("one", answerer("one"));
      const fd = inherited(true);
      await (await lab.engine.bind({ fd }, { keepalive: 0 })).close();
      const listener = await lab.front.listen({ fd });
      assert.equal(await lab.ask(tcp(listener.address)), "one");
    }),
  );

  it("takes nothing else for one that it has closed", { skip }, () =>
    inLab(thisHost(linux), { listen: [] }, async (lab) => {
      const fd = inherited(true);
      await (await lab.front.listen({ fd })).close();
      const others = [inherited(true), inherited(true)];
      assert.ok(others.includes(fd), "the number is in use again");
      await assert.rejects(lab.engine.bind({ fd }, { keepalive: 0 }), /was closed with its listener/);
      for (const other of others) openLibc()!.close(other);
    }),
  );

  it("refuses a descriptor that is no socket which listens", { skip }, () =>
    inLab(thisHost(linux), { listen: [] }, async (lab) => {
      const fd = inherited(false);
      await assert.rejects(lab.engine.bind({ fd }, { keepalive: 0 }), { name: "NetError", code: "EINVAL" });
      openLibc()!.close(fd);
      await assert.rejects(lab.engine.bind({ fd: 9_999 }, { keepalive: 0 }), { name: "NetError", code: "EINVAL" });
    }),
  );
});
