/** A control server on an in-memory network with time moved by hand, and reporters of two kinds: real ones, and raw ones that may misbehave. */
import assert from "node:assert/strict";
import { ControlClient, type ControlClientEvents, type ControlClientOptions } from "../../src/control/client/client.ts";
import { parseKey, parseKeyLine, type SharedKey } from "../../src/control/keys/key.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import {
  answerLine,
  handshakeOf,
  helloLine,
  MAX_LINE,
  pskOfSecret,
  readAnswer,
  readHello,
  viewOf,
} from "../../src/control/protocol/hello.ts";
import { type FromBalancer, readFromBalancer, readWelcome } from "../../src/control/protocol/messages.ts";
import { Seal } from "../../src/control/protocol/seal.ts";
import { type ControlEvents, ControlServer, type ControlServerOptions } from "../../src/control/server/server.ts";
import { LineChannel } from "../../src/net/line-channel.ts";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import type { Listener, TcpAddress } from "../../src/net/runtime.ts";
import { Pool } from "../../src/pool/pool.ts";
import type { Clock } from "../../src/util/clock.ts";
import type { EventOf } from "../../src/util/emitter.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";

export const SECRET = "a-secret-of-the-tests";
export const KEY = parseKey(`web:${SECRET}`, "test");
/** The same with leave to advertise any address. */
export const ADVERTISER = parseKeyLine(`web:${SECRET} advertise=0.0.0.0/0,::/0`, "test");
export const LEASE = 60_000;
export const BALANCER = "10.0.0.1";
export const CONTROL: TcpAddress = { host: BALANCER, port: 1666 };
/** ms since 1970 when the tests' wall clocks begin. */
export const START = 1_700_000_000_000;
export const REPORT = { t: "report", pool: "default", port: 8080, weight: 500, health: "up", drain: false } as const;

export class World {
  readonly network = new MemoryNetwork();
  readonly clock = new ManualClock();
  readonly events: EventOf<ControlEvents>[] = [];
  readonly pool = Pool.create({ name: "default", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
  server: ControlServer;
  changes = 0;
  readonly #options: ControlServerOptions;

  constructor(options: Partial<ControlServerOptions> = {}, keys: readonly SharedKey[] = [KEY]) {
    this.#options = {
      runtime: this.network,
      admin: [CONTROL],
      adminTls: null,
      keys: new Keys(keys, null, hostEnvironment()),
      pools: new Map([["default", this.pool]]),
      hostTimeout: LEASE,
      heartbeat: 0,
      panicOf: () => true,
      maxTargets: () => 1_024,
      maxSessions: () => 100,
      name: "test-balancer",
      version: "2.0.0",
      clientListeners: () => [{ host: "", port: 3000 }],
      localAddresses: () => [BALANCER, "127.0.0.1", "::1", "fe80::1"],
      onEvent: (...event) => void this.events.push(event),
      onChange: () => {
        this.changes += 1;
      },
      clock: this.clock,
      wallClock: () => this.wall,
      ...options,
    };
    this.server = new ControlServer(this.#options);
  }

  static async start(options: Partial<ControlServerOptions> = {}, keys?: readonly SharedKey[]): Promise<World> {
    const world = new World(options, keys);
    await world.server.start();
    return world;
  }

  /** What every wall clock here shows. */
  get wall(): number {
    return START + this.clock.now();
  }

  /** A new balancer process: same address, nothing remembered but the pool object. */
  async restart(): Promise<void> {
    for (const { identity } of this.pool.targets()) this.pool.remove(identity);
    this.server = new ControlServer(this.#options);
    await this.server.start();
  }

  /** As `name identity reason`, for targets; `rejected CODE`. */
  get story(): string[] {
    return this.events.map((event) => {
      if (event[0] === "rejected") return `rejected ${event[1].code}`;
      if (event[0] === "certificateRenewed") return event[0];
      if (event[0] === "keysLoaded") return `keysLoaded ${event[1].count}`;
      if (event[0] === "keyGone") return `keyGone ${event[1].key} ${event[1].reporters} ${event[1].targets}`;
      if (event[0] === "warning") return `warning ${event[1]}`;
      if (event[0] === "targetSuspect") {
        const [name, { identity }, { code, isNew }] = event;
        return `${name} ${identity} ${code}${isNew ? " new" : ""}`;
      }
      if (event[0] === "targetTakenOver")
        return `targetTakenOver ${event[1].identity} ${event[2].host} ${event[3].host}`;
      if (event[0] === "reporterLost") return `reporterLost ${event[1].identity} ${event[2].leaseMs}`;
      if (event[0] === "panicStart") return `panicStart ${event[1]} ${event[2].accepting}/${event[2].targets}`;
      if (event[0] === "panicEnd") return `panicEnd ${event[1]} ${event[2]}`;
      const [name, { identity }, reason = ""] = event;
      return `${name} ${identity} ${reason}`.trim();
    });
  }

  /** Moves time on in small steps, with the I/O it sets off in between. */
  async pass(ms: number, step = 1_000): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await settle(8);
    }
  }

  /** A server for probes to find. It accepts connections and sends nothing. */
  target(host: string, port = 8080): Promise<Listener> {
    return this.network.listen({ host, port }, (connection) => void connection.close());
  }

  reporter(
    from: string,
    options: Partial<ControlClientOptions> = {},
  ): { client: ControlClient; events: EventOf<ControlClientEvents>[]; story: () => string[] } {
    const events: EventOf<ControlClientEvents>[] = [];
    const { t: _, ...target } = REPORT;
    const client = new ControlClient({
      runtime: this.network.from(from),
      to: CONTROL,
      tls: null,
      key: () => KEY,
      targets: [target],
      ack: 300_000,
      software: "test-reporter 2.0.0",
      onEvent: (...event) => void events.push(event),
      clock: this.clock,
      wallClock: () => this.wall,
      random: () => 0.5,
      ...options,
    });
    const story = () =>
      events.map(([name, about]) => (typeof about === "object" && "code" in about ? `${name} ${about.code}` : name));
    return { client, events, story };
  }

  async raw(from: string, keyText = `web:${SECRET}`): Promise<RawReporter> {
    const raw = await this.connect(from);
    await raw.handshake(parseKeyLine(keyText, "test"));
    return raw;
  }

  /** Connected, and nothing said yet. */
  async connect(from: string): Promise<RawReporter> {
    const connection = await this.network.from(from).connect({ to: CONTROL });
    return new RawReporter(new LineChannel(connection, MAX_LINE), this);
  }
}

/** Closes what the test has opened, in this order, then the balancer: no timer may be left that would keep the process alive. */
export async function leavesNothing(world: World, ...open: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const each of open) await each.close();
  const closed = world.server.close();
  await world.pass(3_000);
  await closed;
  assert.equal(world.clock.pending, 0);
}

/** Answers a hello as a balancer with this secret would, as far as it can. */
export async function welcome(channel: LineChannel, secret: string): Promise<void> {
  const { claim, message } = readHello(Uint8Array.from((await channel.readLine()) ?? []));
  const handshake = handshakeOf(claim, "responder", { psk: pskOfSecret(secret) });
  handshake.read(message);
  const ends = { local: "10.0.0.1:1", remote: "10.0.0.1:2" };
  const body = { t: "welcome", lease: LEASE, interval: 20_000, name: "impostor", version: "0", ...ends };
  await channel.send(answerLine(handshake, body));
}

/** What the balancer says, but for the number and the time of an answer. */
export type Heard = { [T in FromBalancer["t"]]: Omit<Extract<FromBalancer, { t: T }>, "n" | "at"> }[FromBalancer["t"]];

/** Speaks the wire by hand. */
export class RawReporter {
  readonly channel: LineChannel;
  readonly #world: Pick<World, "wall"> & { readonly clock: Pick<Clock, "now"> };
  seal: Seal | null = null;
  welcome: ReturnType<typeof readWelcome> | null = null;
  /** The answer to its hello where that was a refusal. */
  #refusal: string | null = null;
  #welcomedAt = 0;
  #asked = 0;

  constructor(channel: LineChannel, world: Pick<World, "wall"> & { readonly clock: Pick<Clock, "now"> }) {
    this.channel = channel;
    this.#world = world;
  }

  /** The hello of a holder of this key, and the handshake that it begins. */
  hello(key: SharedKey) {
    const { local, remote } = this.channel.connection;
    const claim = { as: "key", id: key.id } as const;
    const handshake = handshakeOf(claim, "initiator", { psk: pskOfSecret(key.secret) });
    const ends = { local: viewOf(local), remote: viewOf(remote) };
    const line = helloLine(claim, handshake, { time: this.#world.wall, software: "raw/1", ...ends });
    return { line, handshake };
  }

  async handshake(key: SharedKey): Promise<void> {
    const { line, handshake } = this.hello(key);
    await this.channel.send(line);
    const answer = await this.line();
    const message = answer === null ? null : readAnswer(Buffer.from(answer));
    if (!(message instanceof Uint8Array)) {
      this.#refusal = answer;
      return;
    }
    this.welcome = readWelcome(JSON.parse(handshake.read(message).toString()));
    this.seal = new Seal(handshake.split());
    this.#welcomedAt = this.#world.clock.now();
  }

  async ask(body: object): Promise<Heard | null> {
    await this.tell(body);
    return this.hear();
  }

  /** With a number of its own, and what a report says of its time. */
  tell(body: object): Promise<void> {
    if (!this.seal) throw new Error("no handshake yet");
    this.#asked += 1;
    const made = this.#world.clock.now() - this.#welcomedAt;
    return this.channel.send(this.seal.seal({ n: this.#asked, made, ...body }));
  }

  /** The next sealed message, but for its number and time; null at the end of the connection, however it ends. */
  async hear(): Promise<Heard | null> {
    const message = await this.hearAll();
    if (message === null || message.t === "goodbye" || message.t === "wake" || message.t === "usage") return message;
    const { n: _, at: __, ...heard } = message;
    return heard;
  }

  async hearAll(): Promise<FromBalancer | null> {
    const line = await this.line();
    return line === null || !this.seal ? null : readFromBalancer(this.seal.open(Buffer.from(line)));
  }

  /** The next line as text; null at the end of the connection, however it ends. */
  async line(): Promise<string | null> {
    const refusal = this.#refusal;
    this.#refusal = null;
    if (refusal !== null) return refusal;
    const line = await this.channel.readLine().catch(() => null);
    return line && Buffer.from(line).toString();
  }

  close(): Promise<void> {
    return this.channel.connection.close();
  }
}
