/** One client, from the first look at its peer to a decision: what Reception promises. */
import type { TcpAddress } from "../net/runtime.ts";
import { addressWords, formatWords, hasAddress } from "../util/client-key.ts";
import type { ClientHello } from "./client-hello/message.ts";
import { readClientHello } from "./client-hello/read.ts";
import type { ClientFacts } from "./facts.ts";
import { innerRoute, innerVia } from "./inner-header.ts";
import { NOTHING_TOLD, type ProxyHeader } from "./proxy-header/header.ts";
import { readProxyHeader } from "./proxy-header/read.ts";
import { type Edge, NO_CLAIM, type Reception, type Refused, type Step } from "./reception.ts";
import { type Refusal, refusalNumber } from "./refusals.ts";
import type { RouteTable } from "./routes.ts";
import type { EdgeRules } from "./rules.ts";

/** What a reception has of the edge that it belongs to, beside what engines have. */
export interface ReceivingEdge extends Edge {
  readonly rules: EdgeRules;
  readonly routes: RouteTable;
  readonly readsHeader: boolean;
  readonly readsHello: boolean;
}

// What is next.
const HEADER = 0;
const CLIENT = 1;
const HELLO = 2;
const ROUTE = 3;

const NOBODY: ProxyHeader = { client: null, destination: null, told: NOTHING_TOLD };
const NO_HELLO: ClientHello = { serverName: null, alpn: [] };

export class ClientReception implements Reception {
  claim: number = NO_CLAIM;
  readonly #edge: ReceivingEdge;
  /** Four words. */
  readonly #peer: Uint32Array;
  /** Of whom lists and limits are asked: the peer, until a header names another one. */
  #client: Uint32Array;
  readonly #peerPort: number;
  #next: number;
  #header = NOBODY;

  constructor(edge: ReceivingEdge, peer: Uint32Array, peerPort: number) {
    this.#edge = edge;
    this.#peer = peer;
    this.#client = peer;
    this.#peerPort = peerPort;
    this.#next = edge.readsHeader ? HEADER : CLIENT;
  }

  step(bytes: Uint8Array, now: number): Step {
    if (this.#next === HEADER) return this.#readHeader(bytes);
    if (this.#edge.rules.secret !== null) return this.#readInner(this.#edge.rules.secret);
    if (this.#next === CLIENT) {
      const refused = this.#admit(now);
      if (refused !== null) return refused;
    }
    return this.#next === HELLO ? this.#readHello(bytes) : this.#decide(this.#edge.plainRoute, NO_HELLO);
  }

  cutShort(): Refused {
    return this.#refuse(this.#next === HEADER ? "no-header" : "no-hello");
  }

  abandon(): void {
    this.#edge.release(this.claim);
    this.claim = NO_CLAIM;
  }

  #readHeader(bytes: Uint8Array): Step {
    const header = readProxyHeader(bytes);
    if (header.type === "more") return { type: "read", atLeast: header.length };
    if (header.type === "bad") return this.#refuse("bad-header");
    const { client } = header.value;
    if (client !== null) {
      this.#client = addressWords(client.host, new Uint32Array(4));
      if (!hasAddress(this.#client)) return this.#refuse("bad-header"); // "::", whom lists and limits would not ask
    }
    this.#header = header.value;
    this.#next = CLIENT;
    return { type: "consume", length: header.length };
  }

  /** From a thread of our own, which has asked the client for everything. */
  #readInner(secret: Uint8Array): Step {
    const route = innerRoute(this.#header.told.custom, secret);
    return route < 0 ? this.#refuse("untrusted-sender") : this.#decide(route, NO_HELLO);
  }

  /** null: it is admitted. */
  #admit(now: number): Refused | null {
    const claim = this.#edge.admitClient(this.#client, 0, now);
    if (claim < 0) return this.#refused(~claim);
    this.claim = claim;
    this.#next = this.#edge.readsHello ? HELLO : ROUTE;
    return null;
  }

  #readHello(bytes: Uint8Array): Step {
    const hello = readClientHello(bytes);
    if (hello.type === "more") return { type: "read", atLeast: hello.length };
    if (hello.type === "bad") return this.#refuse("bad-hello");
    if (hello.type === "whole")
      return this.#decide(this.#edge.routes.find(hello.value.serverName, hello.value.alpn), hello.value);
    const route = this.#edge.plainRoute;
    return route < 0 ? this.#refuse("bad-hello") : this.#decide(route, NO_HELLO);
  }

  #decide(route: number, hello: ClientHello): Step {
    if (route < 0) return this.#refuse("no-route");
    const { claim } = this;
    this.claim = NO_CLAIM; // the caller's from here on
    return { type: "decided", route, claim, client: this.#header.client, facts: this.#facts(hello) };
  }

  /** What the client says itself comes before what a proxy says of it. */
  #facts({ alpn, serverName }: ClientHello): ClientFacts {
    const { destination, told } = this.#header;
    return {
      via: this.#via(),
      destination,
      serverName: serverName ?? told.serverName,
      alpn: alpn[0] ?? told.alpn,
      tls: told.tls,
      uniqueId: told.uniqueId,
    };
  }

  #via(): TcpAddress | null {
    const { client, told } = this.#header;
    if (this.#edge.rules.secret !== null) return innerVia(told.custom);
    return client === null ? null : this.#peerAddress();
  }

  /** null: the proxy came over a Unix socket. */
  #peerAddress(): TcpAddress | null {
    return hasAddress(this.#peer) ? { host: formatWords(this.#peer, 0), port: this.#peerPort } : null;
  }

  #refuse(refusal: Refusal): Refused {
    const number = refusalNumber(refusal);
    this.#edge.refuse(number);
    return this.#refused(number);
  }

  /** It has been counted. */
  #refused(refusal: number): Refused {
    this.abandon();
    return { type: "refused", refusal, answer: this.#edge.answerTo(refusal) };
  }
}
