/** The linux engine where the system has run out of something just when a thread is to start. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openLibc } from "#ffi";
import type { EngineFactory } from "../../../src/engines/engine.ts";
import { LinuxEngine } from "../../../src/engines/linux/main/engine.ts";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import type { Libc } from "../../../src/engines/linux/sys/libc.ts";
import { descriptors } from "../../support/descriptors.ts";
import { answerer } from "../../support/peers.ts";
import { until } from "../../support/wait.ts";
import { thisHost } from "../host.ts";
import { inLab, Lab } from "../lab.ts";

const skip = (await linux.test({ listen: [] })) ?? false;

/** An engine whose calls of `name` fail with EMFILE where `fails` says so, by the call's number from 1. */
function failing(name: "eventfd" | "epoll_create1", fails: (call: number) => boolean): EngineFactory {
  const libc = openLibc()!;
  const errno = new Int32Array(1);
  let calls = 0;
  const call = (first: number, flags: number): number => {
    calls++;
    errno[0] = abi.EMFILE;
    if (fails(calls)) return -1;
    return name === "eventfd" ? libc.eventfd(first, flags) : libc.epoll_create1(first);
  };
  const broken: Libc = { ...libc, errno, [name]: call };
  return { ...linux, create: (options) => new LinuxEngine(options, broken) };
}

describe("linux engine, a start", () => {
  for (const name of ["eventfd", "epoll_create1"] as const) {
    it(`rejects and leaves nothing open when ${name} fails for the second thread`, { skip }, async () => {
      const warmUp = new Lab(thisHost(linux), { threads: 2 }); // a runtime opens descriptors of its own with its first thread
      await warmUp.engine.start();
      await warmUp.dispose();
      const before = descriptors()!;
      const lab = new Lab(thisHost(failing(name, (call) => call === 2)), { threads: 2 });
      await assert.rejects(lab.start(), { code: "EMFILE" });
      await lab.dispose();
      await until("the descriptors", () => descriptors()! <= before);
    });
  }

  it("is tried again when a dead worker's successor cannot be started", { skip }, () =>
    inLab(thisHost(failing("epoll_create1", (call) => call === 2)), { threads: 1 }, async (lab) => {
      await lab.target("one", answerer("one"));
      assert.equal(await lab.ask(), "one");
      (lab.engine as LinuxEngine).crashWorker(0);
      await until("the news", () => lab.warnings.length === 2);
      assert.match(lab.warnings[0]!, /has died/);
      assert.match(lab.warnings[1]!, /worker thread 1 cannot be started again yet: .*epoll/);
      lab.warnings.length = 0;
      assert.equal(await lab.ask(), "one");
    }),
  );
});
