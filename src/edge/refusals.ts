/** Why a client is turned away before it is served, and how often it was. */

/** In the order of the counters. The names are what metrics, API and log show. */
export const REFUSALS = [
  "untrusted-sender", // the listener takes PROXY headers, and this peer may not send any
  "no-header", // the PROXY header did not come in time, or the peer left before it was whole
  "bad-header",
  "denied", // by allow and deny
  "client-connections", // this client has as many as it may
  "client-rate", // this client comes too often
  "no-hello", // the TLS ClientHello did not come in time, or the client left before it was whole
  "bad-hello",
  "no-route", // no route takes the name and the protocols that it asks for
  "handshake", // TLS was not agreed on, or not in time
  "client-certificate", // none was shown, or it is not to be trusted
  "crowded", // too many have not said yet what they want
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** The number of a reason, as counters and engines have them. */
export function refusalNumber(refusal: Refusal): number {
  return REFUSALS.indexOf(refusal);
}

/** Counts of one listener, in memory that all threads add to (32 bits, wrapping). */
export class RefusalCounters {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Uint32Array;

  constructor(buffer = new SharedArrayBuffer(4 * REFUSALS.length)) {
    this.buffer = buffer;
    this.#counts = new Uint32Array(buffer);
  }

  /** `refusal`: an index into REFUSALS. */
  add(refusal: number): void {
    Atomics.add(this.#counts, refusal, 1);
  }

  read(): Record<Refusal, number> {
    return Object.fromEntries(REFUSALS.map((name, n) => [name, this.#counts[n]!])) as Record<Refusal, number>;
  }
}
