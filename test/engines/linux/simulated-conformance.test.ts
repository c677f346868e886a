/** What every engine has to do, on the simulated kernel: where it does less there than on the real one, the simulated one is wrong. */
import { after, afterEach, before, describe } from "node:test";
import type { KernelOptions } from "../../support/kernel/kernel.ts";
import { engineConformance } from "../conformance.ts";
import { edgeConformance } from "../edge-conformance.ts";
import type { SchedulerOptions } from "./simulation/scheduler.ts";
import { SimulatedHost } from "./simulation/simulated-host.ts";

interface Setting {
  readonly kernel: KernelOptions;
  readonly threads: SchedulerOptions;
}

/** About what Linux lets a connection grow to by itself. */
const BUFFERS: KernelOptions = { sendBuffer: 1_000_000, receiveBuffer: 1_000_000 };

const SETTINGS: Readonly<Record<string, Setting>> = {
  "packets that take no time": { kernel: BUFFERS, threads: { turnMs: 0.01 } },
  "a slow network, and threads that interrupt each other": {
    kernel: { ...BUFFERS, delay: [0.05, 0.5], segmentBytes: 9_000 },
    threads: { turnMs: 0.05, messageMs: 1, preemption: 0.01 },
  },
};

for (const [name, { kernel, threads }] of Object.entries(SETTINGS)) {
  describe(`simulated kernel, ${name}`, () => {
    const host = new SimulatedHost(kernel, threads);
    let end: () => void;
    before(() => {
      end = host.run();
    });
    afterEach(() => host.assertEmpty());
    after(() => end());
    engineConformance("linux engine", host, { pools: 60 }); // its memory and its time are the test's
    edgeConformance("linux engine, before clients are served", host);
  });
}
