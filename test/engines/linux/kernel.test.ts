/** The same programs on the simulated kernel and on the real one: where they differ, the simulated one is wrong. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openLibc } from "#ffi";
import { selfTest } from "../../../src/engines/linux/sys/self-test.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { SimulatedKernel } from "../../support/kernel/kernel.ts";
import { simulatedLibc } from "../../support/kernel/simulated-libc.ts";
import { Bench, type World } from "./kernel/bench.ts";
import { events } from "./kernel/events.ts";
import { memory } from "./kernel/memory.ts";
import { options } from "./kernel/options.ts";
import { pipes } from "./kernel/pipes.ts";
import type { Programs } from "./kernel/programs.ts";
import { sockets } from "./kernel/sockets.ts";
import { streams } from "./kernel/streams.ts";
import { unix } from "./kernel/unix.ts";
import { urgent } from "./kernel/urgent.ts";

const SUITES: Readonly<Record<string, Programs>> = { sockets, options, streams, urgent, events, pipes, memory, unix };

function conformance(world: () => World, ended: (world: World) => void): void {
  for (const [suite, programs] of Object.entries(SUITES)) {
    describe(suite, () => {
      for (const [name, program] of Object.entries(programs)) {
        it(name, () => {
          const here = world();
          const bench = new Bench(here);
          try {
            program(bench);
          } finally {
            bench.dispose();
          }
          ended(here);
        });
      }
    });
  }
}

describe("simulated kernel", () => {
  let kernel: SimulatedKernel;
  let paths = 0;
  const world = (): World => {
    kernel = new SimulatedKernel();
    return {
      libc: simulatedLibc(kernel),
      sleep: (ms) => kernel.clock.advance(ms),
      freshPath: () => `/run/socket-${paths++}`,
    };
  };
  conformance(world, () => {
    assert.deepEqual(kernel.descriptors.list(), []);
    kernel.clock.advance(200_000);
    assert.equal(kernel.network.open, 0, "ends of connections that are never over");
    assert.equal(kernel.clock.pending, 0, "timers that never end");
  });

  it("passes the engine's self-test", () => {
    assert.equal(selfTest(simulatedLibc(new SimulatedKernel()), process.arch), null);
  });
});

const real = process.platform === "linux" ? openLibc() : null;

describe("the kernel of this machine", { skip: real === null ? "no foreign functions here" : false }, () => {
  const folder = real === null ? "" : temporaryFolder("kernel");
  after(removeFolders);
  let paths = 0;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const world = (): World => ({
    libc: real!,
    sleep: (ms) => void Atomics.wait(pause, 0, 0, ms),
    freshPath: () => join(folder, `${paths++}`),
  });
  conformance(world, () => undefined);
});
