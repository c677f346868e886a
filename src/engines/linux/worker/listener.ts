/** A listener as one worker thread has it. */
import type { ListenerData } from "../shared/orders.ts";
import * as abi from "../sys/abi.ts";
import type { EdgePart } from "./edge-part.ts";
import type { PoolPart } from "./pool-part.ts";

export class WorkerListener {
  readonly number: number;
  readonly fd: number;
  /** All threads accept from one socket. */
  readonly isShared: boolean;
  /** Each thread's socket, in the order of their numbers. */
  readonly descriptors: readonly number[];
  /** Whose its connections are, as ListenerData says. */
  service: number;
  /** The pool's part here, once there was a connection. */
  part: PoolPart | null = null;
  /** What it asks for, likewise. */
  edge: EdgePart | null = null;
  /** The number of its address. */
  readonly place: number;
  /** accept() calls per event at most: see accept.ts. */
  budget = 1;
  /** It is in the epoll set. */
  isWatched = false;
  /** When to accept for the last time, and how the order is called that says so. */
  closeAt = Number.POSITIVE_INFINITY;
  serial = 0;

  /** `worker`: the thread's number. */
  constructor({ number, descriptors, place, service }: ListenerData, worker: number) {
    this.number = number;
    this.descriptors = descriptors;
    this.fd = descriptors[worker - 1]!;
    this.isShared = new Set(descriptors).size < descriptors.length;
    this.service = service;
    this.place = place;
  }

  /** Level-triggered: what one turn leaves is reported again by the next. A connection to a shared socket wakes one thread, not all. */
  get events(): number {
    return this.isShared ? abi.EPOLLIN | abi.EPOLLEXCLUSIVE : abi.EPOLLIN;
  }
}
