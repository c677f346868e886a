/** Connections of one worker thread that are no pool's yet, and the services they came by. */
import { MOST_IN_TARPIT, type Reception } from "../../../edge/reception.ts";
import type { EdgePart } from "./edge-part.ts";

/** A service that an order is about. */
interface Going {
  readonly number: number;
  /** Of the order. */
  readonly serial: number;
}

export interface Guest {
  readonly part: EdgePart;
  readonly reception: Reception;
  /** Bytes that have to be there before it is worth a look. */
  atLeast: number;
  /** SO_RCVLOWAT of its socket. */
  lowWater: number;
  /** Bytes at the start that are not for the target: they are taken out once it is decided that there is one. */
  consumed: number;
}

export class Lobby {
  /** By number; undefined: there is none, or it has had no connection here. */
  readonly edges: (EdgePart | undefined)[] = [];
  /** Those that are being asked, by slot: who has come first is first. */
  readonly receiving = new Map<number, Guest>();
  /** Slots of those that were refused and are not gone, in the order in which they were. */
  readonly refused = new Set<number>();
  /** How many that may be. */
  readonly mostRefused: number;
  /** Services that are to be retired, and forgotten. */
  readonly retiring: Going[] = [];
  readonly leaving: Going[] = [];
  /** The address of the peer at hand. */
  readonly peer = new Uint32Array(4);

  /** `threads`: of the process. */
  constructor(threads: number) {
    this.mostRefused = Math.ceil(MOST_IN_TARPIT / threads);
  }
}
