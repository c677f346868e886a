/** A simulated machine as a host for suites that are written for sockets and time: the linux engine on its kernel. */
import assert from "node:assert/strict";
import type { EngineFactory } from "../../../../src/engines/engine.ts";
import { LinuxEngine } from "../../../../src/engines/linux/main/engine.ts";
import { selfTest } from "../../../../src/engines/linux/sys/self-test.ts";
import { type KernelOptions, SimulatedKernel } from "../../../support/kernel/kernel.ts";
import { SimulatedRuntime } from "../../../support/kernel/runtime/runtime.ts";
import { simulatedLibc } from "../../../support/kernel/simulated-libc.ts";
import { LOOPBACK } from "../../../support/ports.ts";
import { useTime } from "../../../support/wait.ts";
import type { Host } from "../../host.ts";
import { asMain } from "./as-main.ts";
import { Pump } from "./pump.ts";
import { Scheduler, type SchedulerOptions } from "./scheduler.ts";
import { bindSimulated } from "./socket-names.ts";

/** Unlike a real machine's, the same everywhere. */
const THREADS = 2;

export class SimulatedHost implements Host {
  readonly ipv6 = true;
  /** Its kernel has sockets at paths, but no files. */
  readonly socketPath = null;
  readonly engine: EngineFactory;
  readonly runtime: SimulatedRuntime;
  readonly #kernel: SimulatedKernel;
  readonly #scheduler: Scheduler;
  #paths = 0;
  #deadEnds = 0;

  constructor(kernel: KernelOptions, threads: SchedulerOptions) {
    this.#kernel = new SimulatedKernel(kernel);
    this.#scheduler = new Scheduler(this.#kernel, threads);
    this.runtime = new SimulatedRuntime(this.#kernel);
    this.engine = {
      name: "linux",
      test: async () => selfTest(simulatedLibc(new SimulatedKernel()), process.arch),
      create: (options) => asMain(new LinuxEngine({ threads: THREADS, ...options }, ...this.#parts()), this.#scheduler),
    };
  }

  /** Tests live in its time from now on. Returns how to end that. */
  run(): () => void {
    const pump = new Pump(this.#scheduler);
    const backToRealTime = useTime(pump.time);
    const realDate = Date.now;
    const started = realDate() - this.#kernel.clock.now();
    Date.now = () => Math.round(started + this.#kernel.clock.now());
    return () => {
      Date.now = realDate;
      backToRealTime();
      pump.stop();
    };
  }

  /** The system calls from now on to the test's end, as they come. */
  trace(): readonly { readonly name: string }[] {
    this.#kernel.trace = [];
    return this.#kernel.trace;
  }

  /** Checks that nothing is left of a test. */
  assertEmpty(): void {
    this.#kernel.trace = null;
    this.#scheduler.pass(200_000); // the network forgets what was on its way
    assert.deepEqual(this.#scheduler.deaths, [], "a worker has died");
    assert.deepEqual(this.#kernel.descriptors.list(), [], "descriptors after the end");
    assert.equal(this.#kernel.network.open, 0, "ends of connections after the end");
  }

  async blackHole() {
    const address = { host: LOOPBACK, port: 1 + this.#deadEnds++ };
    this.#kernel.network.route(`${address.host}:${address.port}`, "blackhole");
    return { address, close: async () => undefined };
  }

  async unixServer(text: string) {
    const path = `/run/target-${this.#paths++}`;
    const answer = new TextEncoder().encode(text);
    const close = this.runtime.listenAt(path, (connection) => {
      void connection.write(answer).then(() => connection.close());
    });
    return { address: { path }, close: async () => close() };
  }

  #parts() {
    const { mainClock } = this.#scheduler;
    const kernel = this.#kernel;
    return [simulatedLibc(kernel), this.#scheduler, mainClock, this.runtime, bindSimulated(kernel)] as const;
  }
}
