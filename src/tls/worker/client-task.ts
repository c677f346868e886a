/** One client, from its socket to the engine and back: received, decrypted where its route says so, relayed. */
import type { Socket } from "node:net";
import type { ClientFacts } from "../../edge/facts.ts";
import type { Decided, Edge } from "../../edge/reception.ts";
import { type Refusal, refusalNumber } from "../../edge/refusals.ts";
import { NetError } from "../../net/net-error.ts";
import { type NodeConnection, resetSocket } from "../../net/node/connection.ts";
import { runtime } from "../../net/node/node.ts";
import type { Agreed, Termination } from "../../net/node/termination.ts";
import type { Connection, TcpAddress } from "../../net/runtime.ts";
import { FAILED, HANDSHAKES, RESUMED, type TlsCounters } from "../counters.ts";
import type { ThreadService } from "../orders.ts";
import type { Connections } from "./connections.ts";
import { resetAfterDelivery } from "./delivery.ts";
import { receive } from "./receive.ts";
import type { Refuser } from "./refuser.ts";
import type { Room } from "./room.ts";
import { toEngine } from "./to-engine.ts";

export interface OpenService extends ThreadService {
  readonly edge: Edge;
  readonly termination: Termination;
  readonly tlsCounters: TlsCounters;
}

/** Of the thread. */
export interface TaskParts {
  /** Its number among those of ClientLimits. */
  readonly thread: number;
  /** Those that are relayed. */
  readonly connections: Connections;
  readonly refuser: Refuser;
  readonly room: Room;
  readonly warn: (message: string, cause?: unknown) => void;
}

/** What comes of a client. */
export interface TaskProgress {
  /** The engine has it. */
  onServed(): void;
  /** It gets what is said to those who are refused, which may take long. */
  onRefused(): void;
}

/** A client as the engine is to see it. */
interface Opened {
  readonly client: Connection;
  readonly facts: ClientFacts;
}

export class ClientTask {
  readonly #connection: NodeConnection;
  readonly #service: OpenService;
  readonly #parts: TaskParts;
  /** Looked up at once: what is gone has none. null at a Unix socket. */
  readonly #local: TcpAddress | null;
  readonly #remote: TcpAddress | null;
  /** What stands for the client now. */
  #abort: () => void;
  /** It was given up by us, and whoever did that has counted it. */
  #isGivenUp = false;

  constructor(connection: NodeConnection, service: OpenService, parts: TaskParts) {
    this.#connection = connection;
    this.#service = service;
    this.#parts = parts;
    this.#local = known(connection.local);
    this.#remote = known(connection.remote);
    this.#abort = () => connection.abort();
  }

  /** Resets it; run() then comes to its end. */
  abort(): void {
    this.#isGivenUp = true;
    this.#abort();
  }

  /** Settles at its end. */
  async run({ onRefused, onServed }: TaskProgress): Promise<void> {
    const { edge, rules } = this.#service;
    const received = await receive(this.#connection, edge, rules.prereadTimeout);
    if (received.type === "refused") {
      onRefused();
      return this.#parts.refuser.answer(this.#connection, received.answer);
    }
    if (received.type === "gone") return this.abort();
    try {
      const opened = await this.#open(received);
      if (opened !== null) await this.#relay(received, opened, onServed);
    } finally {
      edge.release(received.claim);
    }
  }

  /** null: it was refused, or is gone. */
  async #open({ facts, route }: Decided): Promise<Opened | null> {
    if (!this.#service.terminates[route]) return { client: this.#connection, facts };
    const socket = this.#connection.detach();
    if (socket === null) {
      this.#connection.abort();
      this.#refuse("handshake");
      return null;
    }
    this.#abort = () => resetSocket(socket);
    return this.#terminate(socket, facts);
  }

  async #terminate(socket: Socket, facts: ClientFacts): Promise<Opened | null> {
    const { termination, tls, tlsCounters } = this.#service;
    try {
      const { agreed, connection } = await termination.accept(socket, tls.handshake);
      this.#abort = () => connection.abort();
      if (tls.requireClient && !agreed.certificate?.verified) {
        this.#refuse("client-certificate");
        connection.abort();
        return null;
      }
      tlsCounters.add(HANDSHAKES);
      if (agreed.resumed) tlsCounters.add(RESUMED);
      return { client: connection, facts: withAgreed(facts, agreed) };
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      if (!this.#isGivenUp) this.#refuse("handshake"); // by what the client has said, or has not
      return null;
    }
  }

  #refuse(refusal: Refusal): void {
    this.#service.edge.refuse(refusalNumber(refusal));
    this.#service.tlsCounters.add(FAILED);
  }

  async #relay({ client: named, route }: Decided, { client, facts }: Opened, onServed: () => void): Promise<void> {
    const { connections, warn } = this.#parts;
    const destination = facts.destination ?? this.#local;
    let engine: Connection;
    try {
      engine = await toEngine(this.#service.engine, { route, client: named ?? this.#remote, destination, facts });
    } catch (error) {
      client.abort();
      warn("a client with TLS could not be handed to the engine", error);
      return;
    }
    onServed();
    connections.add(client);
    this.#abort = () => {
      client.abort();
      engine.abort();
    };
    const { failure } = await runtime.relay(client, engine, { aToB: 0, bToA: 0 });
    if (failure !== undefined) await resetAfterDelivery(failure.side === "a" ? engine : client);
    connections.delete(client);
  }
}

function known(address: TcpAddress): TcpAddress | null {
  return address.host === "" ? null : address;
}

function withAgreed(facts: ClientFacts, agreed: Agreed): ClientFacts {
  const { alpn, certificate, cipher, serverName, version } = agreed;
  return {
    ...facts,
    // A session of TLS 1.2 that comes back does not tell the name again.
    serverName: facts.serverName ?? serverName,
    alpn,
    tls: { version, cipher, certificate },
  };
}
