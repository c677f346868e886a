/**
 * The clients of connections as their part of the slots has them: who each is, and what its listener has asked of it before it was
 * served.
 */
import type { ClientFacts } from "../../../edge/facts.ts";
import { NO_CLAIM } from "../../../edge/reception.ts";
import type { TcpAddress } from "../../../net/runtime.ts";
import type { ClientKey } from "../../../pool/pool.ts";
import { addressWords, narrow } from "../../../util/client-key.ts";
import { decodePeer, endOfWords } from "../sys/sockaddr.ts";
import { Ends } from "./ends.ts";
import type { FactsMemory } from "./facts-memory.ts";
import { FIELDS } from "./slot-layout.ts";

const ADDRESS = FIELDS.address.offset;
const PORT = FIELDS.port.offset;
const EDGE = FIELDS.edge.offset;
const CLAIM = FIELDS.claim.offset;

/** See Slots for the arithmetic. */
export class Clients extends Ends {
  readonly #words: Int32Array;
  readonly #unsigned: Uint32Array;
  /** What is known of clients beside their addresses; null: no listener asks for anything. */
  facts: FactsMemory | null = null;
  /** One array for all connections: each use is over before the next begins. */
  readonly #key: ClientKey = new Uint32Array(4);

  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.#words = new Int32Array(buffer);
    this.#unsigned = new Uint32Array(buffer);
  }

  /** Who has come as that sockaddr says, to a listener that asks for nothing. */
  protected beginClient(slot: number, peer: Uint8Array): void {
    const at = slot << 6;
    this.#words[at | PORT] = decodePeer(peer, this.#unsigned, at | ADDRESS);
    this.#words[at | EDGE] = 0;
  }

  /** Its address, or the /64 that it lies in, as the pool's key; good until the next call. */
  clientKey(slot: number): ClientKey {
    const key = this.#key;
    const words = this.#words;
    const at = (slot << 6) | ADDRESS;
    key[0] = words[at]!;
    key[1] = words[at | 1]!;
    key[2] = words[at | 2]!;
    key[3] = words[at | 3]!;
    return narrow(key);
  }

  /** The words of the whole address, in a new array. */
  address(slot: number): Uint32Array {
    const at = (slot << 6) | ADDRESS;
    return this.#unsigned.slice(at, at + 4);
  }

  /** The words of the whole address, where they stand: at `addressAt()` of these. */
  get addressWords(): Uint32Array {
    return this.#unsigned;
  }

  addressAt(slot: number): number {
    return (slot << 6) | ADDRESS;
  }

  /** It is somebody else than the peer. */
  setClient(slot: number, { host, port }: TcpAddress): void {
    const at = (slot << 6) | ADDRESS;
    addressWords(host, this.#unsigned.subarray(at, at + 4));
    this.#words[(slot << 6) | PORT] = port;
  }

  client(slot: number): TcpAddress {
    return endOfWords(this.#unsigned, (slot << 6) | ADDRESS, this.port(slot));
  }

  port(slot: number): number {
    return this.#words[(slot << 6) | PORT]!;
  }

  // What its listener has asked for.

  /** The number of the service that it came by; -1: its listener asks for nothing. */
  edgeOf(slot: number): number {
    return (this.#words[(slot << 6) | EDGE]! >> 1) - 1;
  }

  /** It came by the service of that number, and holds nothing of its limits yet. */
  setEdge(slot: number, edge: number): void {
    const at = slot << 6;
    this.#words[at | CLAIM] = NO_CLAIM;
    this.#words[at | EDGE] = (edge + 1) << 1;
  }

  /** Notes what is known of it. */
  tell(slot: number, facts: ClientFacts): void {
    if (this.facts === null) return;
    this.facts.write(slot, facts);
    this.#words[(slot << 6) | EDGE]! |= 1;
  }

  factsOf(slot: number): ClientFacts | undefined {
    return this.#words[(slot << 6) | EDGE]! & 1 ? this.facts?.read(slot) : undefined;
  }

  claim(slot: number): number {
    return this.#words[(slot << 6) | CLAIM]!;
  }

  setClaim(slot: number, claim: number): void {
    this.#words[(slot << 6) | CLAIM] = claim;
  }

  /** Takes the claim out, so that it can be given back: a thread that dies in between leaves it taken rather than giving it back twice. */
  takeClaim(slot: number): number {
    const claim = this.claim(slot);
    this.setClaim(slot, NO_CLAIM);
    return claim;
  }
}
