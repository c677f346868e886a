/**
 * A Linux kernel in memory, as far as the engine uses one: sockets, epoll, pipes, splice, eventfds, a table of descriptors, a
 * network and a clock that moves only when told to. One process with any number of threads runs on it; `simulatedLibc` makes
 * the calls. Everything that could go either way is drawn from one seed, so a failure replays exactly.
 */
import type { CallName } from "../../../src/engines/linux/sys/libc.ts";
import { DescriptorTable } from "./descriptors.ts";
import { Epoll, type EpollHabits, leaveSets } from "./epoll.ts";
import { Faults } from "./faults.ts";
import type { File } from "./file.ts";
import { Random } from "./random.ts";
import { Network, type NetworkOptions } from "./tcp/network.ts";
import { Options } from "./tcp/options.ts";
import type { Delay } from "./tcp/wire.ts";
import { UnixNames } from "./unix-socket.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface KernelOptions {
  readonly seed?: number;
  /** RLIMIT_NOFILE. */
  readonly descriptors?: number;
  /** The machine's addresses apart from loopback. */
  readonly hosts?: readonly string[];
  /** Local ports of connections. */
  readonly ports?: readonly [number, number];
  /** Bytes; of every socket that does not set them. */
  readonly sendBuffer?: number;
  readonly receiveBuffer?: number;
  readonly segmentBytes?: number;
  /** ms that packets take, at least and at most; [0, 0]: each arrives within the call that sends it. */
  readonly delay?: readonly [number, number];
  /** fs.pipe-max-size, for a process without privileges. */
  readonly pipeBytes?: number;
}

/** Standard input, output and error belong to somebody else. */
const FIRST_DESCRIPTOR = 3;

export interface Call {
  readonly name: CallName;
  readonly fd: number;
  readonly result: number;
}

export class SimulatedKernel {
  readonly seed: number;
  readonly random: Random;
  readonly clock = new VirtualClock();
  readonly descriptors: DescriptorTable;
  readonly network: Network;
  readonly unix = new UnixNames();
  readonly faults: Faults;
  readonly habits: EpollHabits = { shuffle: 0, cutShort: 0, spurious: 0 };
  readonly pipeBytes: number;
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
  /** Called before each call: a test may let another thread run, or have this one die by throwing. */
  beforeCall: ((name: CallName, fd: number) => void) | null = null;
  /** The last calls, when a test has set it to a list. */
  trace: Call[] | null = null;
  /** Bytes that were allocated for good, pages included. */
  allocated = 0;
  /** Bytes of memory that madvise has given back. */
  givenBack = 0;
  calls = 0;
  /** Threads that have asked for their numbers. */
  threads = 0;
  /** Connections that accept4 has given out. */
  accepted = 0;
  readonly #epollRandom: Random;

  constructor(options: KernelOptions = {}) {
    this.seed = options.seed ?? 1;
    this.random = new Random(this.seed);
    const networkRandom = this.random.fork();
    this.faults = new Faults(this.random.fork());
    this.#epollRandom = this.random.fork();
    this.descriptors = new DescriptorTable(FIRST_DESCRIPTOR, options.descriptors ?? 20_000);
    this.pipeBytes = options.pipeBytes ?? 1024 * 1024;
    this.sendBuffer = options.sendBuffer ?? 128 * 1024;
    this.receiveBuffer = options.receiveBuffer ?? 256 * 1024;
    const network: NetworkOptions = {
      hosts: options.hosts ?? [],
      ports: options.ports ?? [32_768, 60_999],
      segmentBytes: options.segmentBytes ?? 64 * 1024,
      delay: delays(options.delay ?? [0, 0], networkRandom),
    };
    this.network = new Network(this.clock, networkRandom, network);
  }

  newOptions(sendBuffer = this.sendBuffer, receiveBuffer = this.receiveBuffer): Options {
    return Options.of(sendBuffer, receiveBuffer);
  }

  newEpoll(): Epoll {
    return new Epoll(this.#epollRandom, this.habits);
  }

  /** Takes a file into the table; one that finds no room is let go. */
  open(file: File, closeOnExec: boolean): number {
    const fd = this.descriptors.add(file, closeOnExec);
    if (fd < 0) file.release();
    return fd;
  }

  /** False: there is no such descriptor. */
  close(fd: number): boolean {
    const file = this.descriptors.remove(fd);
    if (file === undefined) return false;
    leaveSets(file);
    file.release();
    return true;
  }
}

/** A delay per packet, its least part per connection: paths differ more than packets on one path do. */
function delays([least, most]: readonly [number, number], random: Random): () => Delay {
  if (most === 0) return () => () => 0;
  return () => {
    const base = least + random.unit() * (most - least);
    return () => base + random.unit() * random.unit() * (most - base);
  };
}
