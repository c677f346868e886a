/** One reporter's connection on the balancer's side: handshake, then an answer to every report. */
import { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { Connection, TcpAddress } from "../../net/runtime.ts";
import { type Found, isLoopback, type LoopbackFinder } from "../../targets/loopback.ts";
import type { Registry } from "../../targets/registry.ts";
import type { TargetOwner } from "../../targets/report.ts";
import { takenOverBy } from "../../targets/takeover.ts";
import { formatAddress } from "../../util/address.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { HarmonyError, messageOf } from "../../util/errors.ts";
import { forbids, type Key } from "../keys/key.ts";
import type { Keys } from "../keys/keys.ts";
import {
  type FromReporter,
  type Ok,
  type Reject,
  type Report,
  readFromReporter,
  type Welcome,
} from "../protocol/messages.ts";
import { MAX_HANDSHAKE_LINE, MAX_LINE, type Seal } from "../protocol/wire.ts";
import { advertisedHost, type Resolve } from "./advertised.ts";
import { handshake, WrongKey } from "./handshake-v1.ts";
import { Pace } from "./pace.ts";

/** ms from accept until the key must be proved: several round trips around the world. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** The code of a fault of the balancer's own. */
const INTERNAL = "INTERNAL";
/** ms that the last line may take to be written before the connection is dropped. */
const FAREWELL_MS = 1_000;

export interface SessionOptions {
  readonly keys: Keys;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly welcome: Omit<Welcome, "t">;
  /** For targets that advertise a name. */
  readonly resolve: Resolve;
  /** For reporters on the balancer's own host that advertise nothing. */
  readonly loopback: LoopbackFinder;
  readonly onHello: (session: Session) => void;
  /** It has proved its key. Throws HarmonyError when there is no room for it. */
  readonly onAuthenticated: (session: Session) => void;
  readonly onRejected: (session: Session, code: string, why: string) => void;
}

/** Codes of what is no hello: the peer is hardly a reporter, and its fault would read as a reporter's. */
const NO_HELLO: ReadonlySet<string> = new Set(["NOT_JSON", "BAD_MESSAGE", "LINE_TOO_LONG"]);

function noHello(why: string): string {
  return `what it sent is no reporter's hello (${why}): another program that was given the admin port, or a scan`;
}

export class Session implements TargetOwner {
  readonly #options: SessionOptions;
  readonly #channel: LineChannel;
  readonly #pace = new Pace();
  /** The key that it named; "" before its hello. */
  #keyId = "";
  #key: Key | null = null;
  #seal: Seal | null = null;
  #cancelDeadline: Cancel = () => undefined;
  /** Said goodbye, or dropped: nothing more is read or answered, and nobody waits for what has been asked. */
  readonly #ending = new AbortController();
  #vanished = false;
  #running: Promise<void> | null = null;

  constructor(connection: Connection, options: SessionOptions) {
    this.#options = options;
    this.#channel = new LineChannel(connection, MAX_HANDSHAKE_LINE);
  }

  get remote(): TcpAddress {
    return this.#channel.connection.remote;
  }

  /** Only once authenticated. */
  get key(): Key {
    if (!this.#key) throw new Error("not authenticated");
    return this.#key;
  }

  forbids(report: Report, host: string): string | null {
    return forbids(this.key, report, this.remote.host, host);
  }

  /** Its connection has ended, and neither side had said so. */
  get vanished(): boolean {
    return this.#vanished;
  }

  /** For logs: where it is and which key it named. */
  get who(): string {
    const where = formatAddress(this.remote);
    return this.#keyId ? `${where} (key "${this.#keyId}")` : where;
  }

  get #over(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Serves the session to its end; the connection is then closed. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    this.#setDeadline(HANDSHAKE_TIMEOUT_MS);
    try {
      if (await this.#handshake()) await this.#serve();
    } catch (error) {
      this.#vanished = error instanceof NetError && !this.#over;
      await this.#refuse(error);
    }
    this.#ending.abort();
    this.#setDeadline(FAREWELL_MS);
    await this.#linger();
    this.#cancelDeadline();
  }

  /** Takes what still comes, so that the last line arrives. A fault in that ends this session, and not the balancer. */
  async #linger(): Promise<void> {
    try {
      await this.#channel.linger();
    } catch (error) {
      this.#options.onRejected(this, INTERNAL, messageOf(error));
      this.abort();
    }
  }

  /** Drops the connection now. */
  abort(): void {
    this.#ending.abort();
    this.#channel.connection.abort();
  }

  replaced(by: TcpAddress): void {
    void this.goodbye("REPLACED", takenOverBy(by));
  }

  /** The keys have changed. Ends the session where its key, or its target under the key's new limits, is not allowed any more. */
  recheckKey(): void {
    if (this.#over) return;
    try {
      this.#renewKey();
      const not = this.#options.registry.forbidden(this);
      if (not !== null) throw new HarmonyError("FORBIDDEN", not.reason, { fault: "target" });
    } catch (error) {
      if (!(error instanceof HarmonyError)) throw error;
      this.#rejected(error);
      void this.goodbye(error.code, error.message);
    }
  }

  /** Ends the session, with a goodbye if the reporter takes it in time. Resolves when it is over, never rejects. */
  async goodbye(code: string, reason: string): Promise<void> {
    if (!this.#seal) this.abort();
    if (!this.#over && this.#seal) {
      this.#ending.abort();
      this.#setDeadline(FAREWELL_MS);
      await this.#sendLast(this.#seal.seal({ t: "goodbye", code, reason }));
      await this.#channel.connection.closeWrite().catch(() => this.abort());
    }
    await this.run();
  }

  async #handshake(): Promise<boolean> {
    const proof = await handshake(this.#channel, this.#options.keys, (keyId) => {
      this.#keyId = keyId;
      this.#options.onHello(this);
    });
    if (proof === null) return false;
    this.#key = proof.key;
    this.#seal = proof.seal;
    this.#channel.limit = MAX_LINE;
    this.#options.onAuthenticated(this);
    await this.#send({ t: "welcome", ...this.#options.welcome });
    return true;
  }

  async #serve(): Promise<void> {
    for (;;) {
      // After a lease without a report the target is down; the reporter will come back.
      this.#setDeadline(this.#options.welcome.lease);
      const line = await this.#channel.readLine();
      this.#vanished = line === null && !this.#over;
      if (!line || this.#over) return;
      const message = readFromReporter(this.#seal?.open(line) ?? {});
      await this.#slowDown(message);
      if (this.#over) return;
      this.#renewKey();
      const answer = await this.#answer(message);
      if (this.#over || answer === null) return;
      await this.#send(answer);
      if (answer.t === "reject" && !answer.retry) return;
    }
  }

  /** Where messages come faster than they may. */
  async #slowDown(message: FromReporter): Promise<void> {
    const { clock } = this.#options;
    const wait = this.#pace.wait(message, clock.now());
    if (wait > 0) await new Promise<void>((resolve) => clock.after(wait, resolve));
  }

  /** null: the session has ended meanwhile. */
  async #answer(message: FromReporter): Promise<Ok | Reject | null> {
    const { registry } = this.#options;
    if (message.t === "leave") return { t: "ok", ...registry.leave(this) };
    try {
      const { host, reach } = await this.#find(message);
      if (this.#over) return null; // replaced meanwhile: it must not take the target back
      return { t: "ok", ...registry.report(this, message, host, { reach }) };
    } catch (error) {
      if (!(error instanceof HarmonyError)) throw error;
      if (this.#over) return null;
      this.#rejected(error);
      return { t: "reject", code: error.code, reason: error.message, retry: error.retry };
    }
  }

  /** Takes on the key's limits as they are now. Throws where the key is gone, or its secret is another one. */
  #renewKey(): void {
    const key = this.#options.keys.current(this.key);
    if (key === undefined) {
      const message = `key "${this.key.id}" is no longer valid or has changed`;
      throw new HarmonyError("KEY_CHANGED", message, { fault: "target", retry: true });
    }
    this.#key = key;
  }

  /** A target whose report is refused for good goes out; if the same report may succeed later, it has its lease. */
  #rejected({ code, message, retry }: HarmonyError): void {
    if (!retry) this.#options.registry.rejected(this);
    // The takeover has been told; each attempt of the displaced one to come back is no news.
    if (code !== "REPLACED") this.#options.onRejected(this, code, message);
  }

  async #find(report: Report): Promise<Found> {
    const { host } = this.remote;
    const { advertise } = report;
    if (advertise !== undefined) {
      return { host: await advertisedHost(this, { ...report, advertise }, this.#options, this.#ending.signal) };
    }
    return isLoopback(host) ? this.#options.loopback.find(this, report) : { host };
  }

  async #send(body: object): Promise<void> {
    if (this.#seal) await this.#channel.send(this.#seal.seal(body));
  }

  #setDeadline(ms: number): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#options.clock.after(ms, () => this.abort());
  }

  /** Tells the log and the reporter why the session ends, unless it is because the connection was lost. */
  async #refuse(error: unknown): Promise<void> {
    if (this.#over || error instanceof NetError) return;
    const code = error instanceof HarmonyError ? error.code : INTERNAL;
    const isStranger = this.#keyId === "" && NO_HELLO.has(code);
    this.#options.onRejected(this, code, isStranger ? noHello(messageOf(error)) : messageOf(error));
    // A peer that did not send a proper hello is told nothing. To a TLS client any text says that TLS is not spoken here.
    if (this.#keyId === "" && code !== "BAD_VERSION" && code !== "NO_TLS") return;
    const retry = error instanceof HarmonyError && error.retry;
    const body: Reject = { t: "reject", code, reason: publicReason(error), retry };
    await this.#sendLast(this.#seal ? this.#seal.seal(body) : JSON.stringify(body));
  }

  async #sendLast(line: string): Promise<void> {
    await this.#channel.send(line).catch(() => this.abort());
  }
}

/** The peer learns neither whether the key's id or its secret was wrong nor anything about internal errors. */
function publicReason(error: unknown): string {
  if (error instanceof WrongKey) return "the key is not accepted here";
  return error instanceof HarmonyError ? error.message : "internal error";
}
