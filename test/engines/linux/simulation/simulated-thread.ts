/** A worker's thread in a simulation: its loop, taken turn by turn. */
import type { Inbox } from "../../../../src/engines/linux/shared/inbox.ts";
import { Mailbox } from "../../../../src/engines/linux/shared/mailbox.ts";
import type { PostedOrder } from "../../../../src/engines/linux/shared/orders.ts";
import { Slots } from "../../../../src/engines/linux/shared/slots.ts";
import type { CallName } from "../../../../src/engines/linux/sys/libc.ts";
import { Loop } from "../../../../src/engines/linux/worker/loop.ts";
import { Shard, type WorkerData, type WorkerMessage } from "../../../../src/engines/linux/worker/shard.ts";
import type { Thread } from "../../../../src/engines/linux/worker/thread.ts";
import type { Epoll } from "../../../support/kernel/epoll.ts";
import { Parked, simulatedLibc } from "../../../support/kernel/simulated-libc.ts";
import type { Wire } from "../../../support/kernel/tcp/wire.ts";
import type { Scheduler } from "./scheduler.ts";

/** Thrown into a worker in the middle of a turn. */
class Killed extends Error {}

export class SimulatedThread implements Thread {
  readonly data: WorkerData;
  /** The worker's connections, as the main thread sees them. */
  readonly slots: Slots;
  /** What other workers hand over to it. */
  readonly inbox: Inbox;
  ended = false;
  /** System calls and points of the pool until it dies; Infinity: it lives on. */
  pointsLeft = Number.POSITIVE_INFINITY;
  /** It has no turn before this time. */
  notBefore: number;
  #loop: Loop | null = null;
  #asleep: Epoll | null = null;
  readonly #scheduler: Scheduler;
  readonly #toMain: Wire;
  readonly #orders: PostedOrder[] = [];
  #onMessage: (message: WorkerMessage) => void = () => undefined;

  constructor(scheduler: Scheduler, data: WorkerData, toMain: Wire) {
    this.#scheduler = scheduler;
    this.#toMain = toMain;
    this.data = data;
    this.slots = new Slots(data.slots);
    this.inbox = new Mailbox(data.peers.find(({ index }) => index === data.index)!.mailbox).inbox;
    this.notBefore = scheduler.kernel.clock.now();
  }

  on(event: string, listener: (value: never) => void): void {
    if (event === "message") this.#onMessage = listener as unknown as (message: WorkerMessage) => void;
  }

  /** As a port copies it. */
  post(order: PostedOrder): void {
    this.#orders.push(structuredClone(order));
  }

  terminate(): void {
    this.ended = true;
  }

  /** When it can have its next turn; Infinity: never, unless something wakes it. */
  get wakesAt(): number {
    if (this.ended) return Number.POSITIVE_INFINITY;
    if (this.#asleep === null || this.#asleep.stirred) return this.notBefore;
    return Math.max(this.notBefore, this.#asleep.waitsUntil ?? 0);
  }

  turn(): void {
    this.#asleep = null;
    this.#scheduler.run(this, () => this.#turn());
    this.notBefore = Math.max(this.notBefore, this.#scheduler.kernel.clock.now() + this.#scheduler.turnMs());
  }

  /** It has no turn for `ms`: a stopped process, a busy machine. */
  stop(ms: number): void {
    this.notBefore = this.#scheduler.kernel.clock.now() + ms;
  }

  atPoint(name: CallName | "pool"): void {
    this.pointsLeft--;
    // A worker dies by throwing; between taking a descriptor out of its slot and closing it, it has nothing to throw.
    if (this.pointsLeft < 0 && name !== "close" && name !== "setsockopt") throw new Killed("killed by the test");
  }

  #turn(): void {
    try {
      this.#loop ??= this.#start();
      this.#loop.turn();
      if (!this.#loop.done) return;
      this.#loop.finish();
      this.ended = true;
    } catch (error) {
      if (error instanceof Parked) {
        this.#asleep = error.epoll;
        return;
      }
      this.ended = true;
      if (!(error instanceof Killed)) this.#scheduler.deaths.push(error);
      this.#post({ type: "died", error });
    }
  }

  #start(): Loop {
    const libc = simulatedLibc(this.#scheduler.kernel, { waiting: "park" });
    const receive = () => this.#orders.shift() ?? null;
    const shard = new Shard(this.data, libc, (message) => this.#post(message), receive);
    const loop = new Loop(shard, this.data.listeners);
    loop.start();
    return loop;
  }

  #post(message: WorkerMessage): void {
    this.#toMain.carry(this.#scheduler.inMain(() => this.#onMessage(message)));
  }
}
