/** One reporter's connection on the balancer's side, once its first line has proved a key: an answer to every message. */
import type { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { TcpAddress } from "../../net/runtime.ts";
import type { TargetOwner } from "../../targets/report.ts";
import type { Returns } from "../../targets/returns.ts";
import { takenOverBy } from "../../targets/takeover.ts";
import { formatAddress } from "../../util/address.ts";
import { type Clock, pass } from "../../util/clock.ts";
import { HarmonyError, messageOf } from "../../util/errors.ts";
import { forbids, type Key } from "../keys/key.ts";
import type { Keys } from "../keys/keys.ts";
import { MAX_LINE, viewOf } from "../protocol/hello.ts";
import {
  type FromReporter,
  type Ok,
  type Reject,
  type Report,
  readFromReporter,
  reasonOf,
  type Welcome,
} from "../protocol/messages.ts";
import type { Seal } from "../protocol/seal.ts";
import { addressMismatch } from "./address-views.ts";
import { type AnswerOptions, type Asker, answerTo } from "./answer.ts";
import { Deadline } from "./deadline.ts";
import type { Proved } from "./handshake.ts";
import { type Heartbeats, type Pulse, SILENT } from "./heartbeats.ts";
import type { Pace, Paces } from "./pace.ts";
import { UnderWay } from "./under-way.ts";

/** ms from the welcome until the first sealed line, which proves that the reporter is there: several round trips around the world. */
const FIRST_LINE_MS = 5_000;
/** The code of a fault of the balancer's own. */
const INTERNAL = "INTERNAL";
/** The code of the goodbye to whoever comes back at once, with another key. */
const EXCHANGED = "KEY_EXCHANGED";
/** ms that the last line may take to be written before the connection is dropped. */
const FAREWELL_MS = 1_000;
/** Messages that nobody has asked for, and that the reporter has not taken yet: one that does not read is told no more. */
const MOST_UNTAKEN = 256;

export interface SessionOptions extends AnswerOptions {
  readonly keys: Pick<Keys, "accepts" | "current">;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  readonly welcome: Omit<Welcome, "t" | "local" | "remote">;
  readonly paces: Paces;
  readonly heartbeats: Heartbeats<Session>;
  readonly returns: Returns;
  /** Its first sealed line has opened. Throws HarmonyError when there is no room for it. */
  readonly onAuthenticated: (session: Session) => void;
  readonly onRejected: (session: Session, code: string, why: string) => void;
}

export class Session implements TargetOwner, Asker {
  readonly proved: Proved;
  readonly #options: SessionOptions;
  readonly #channel: LineChannel;
  readonly #seal: Seal;
  readonly #welcomeLine: string;
  readonly welcomedAt: number;
  /** ms since 1970. */
  readonly connectedAt: number;
  #lastReport: number | null = null;
  /** From its first message on. */
  #pace: Pace | null = null;
  /** From its first heartbeat on. */
  #pulse: Pulse | null = null;
  #key: Key;
  readonly #deadline: Deadline;
  /** Said goodbye, or dropped: nothing more is read or answered, and nobody waits for what has been asked. */
  readonly #ending = new AbortController();
  readonly #underWay = new UnderWay(this.#ending.signal);
  /** Its reporter has closed the connection, or takes nothing any more: as far as is seen, since after a goodbye little is read. */
  readonly #gone = new AbortController();
  /** The balancer stops: until its reporter has been told all that is left of its targets' connections. */
  #parting = Promise.resolve();
  #vanished = false;
  #untaken = 0;
  #running: Promise<void> | null = null;

  /** `channel`: its first line has been read. */
  constructor(channel: LineChannel, proved: Proved, options: SessionOptions) {
    this.#options = options;
    this.#channel = channel;
    this.proved = proved;
    this.#key = proved.key;
    this.#deadline = new Deadline(options.clock, () => this.abort());
    const { local, remote } = channel.connection;
    const welcome: Welcome = { t: "welcome", ...options.welcome, local: viewOf(local), remote: viewOf(remote) };
    const { line, seal } = proved.answer(welcome);
    this.#seal = seal;
    this.#welcomeLine = line;
    this.welcomedAt = options.clock.now();
    this.connectedAt = options.wallClock();
  }

  get local(): TcpAddress {
    return this.#channel.connection.local;
  }

  get remote(): TcpAddress {
    return this.#channel.connection.remote;
  }

  get key(): Key {
    return this.#key;
  }

  /** ms since 1970, of the last one that was taken in; null: none was. */
  get lastReport(): number | null {
    return this.#lastReport;
  }

  /** It has sent heartbeats, and nothing for longer than those take. */
  get isSilent(): boolean {
    return this.#pulse !== null && this.#pulse.rounds >= SILENT;
  }

  get over(): AbortSignal {
    return this.#ending.signal;
  }

  forbids(report: Report, host: string): string | null {
    const { message = null } = addressMismatch(this.#key, report, this.proved.hello, this) ?? {};
    return forbids(this.#key, report, this.remote.host, host) ?? message;
  }

  /** Its connection has ended, and neither side had said so. */
  get vanished(): boolean {
    return this.#vanished;
  }

  /** For logs: where it is and which key it has. */
  get who(): string {
    return `${formatAddress(this.remote)} (${this.proved.claim.as === "join" ? this.#key.id : `key "${this.#key.id}"`})`;
  }

  /** Serves the session to its end; the connection is then closed. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    this.#deadline.set(FIRST_LINE_MS);
    this.#channel.limit = MAX_LINE;
    try {
      await this.#channel.send(this.#welcomeLine);
      await this.#serve();
    } catch (error) {
      this.#vanished = error instanceof NetError && !this.over.aborted;
      if (error instanceof NetError) this.#gone.abort();
      await this.#dismiss(error);
    }
    await this.#parting;
    this.#ending.abort();
    this.#options.heartbeats.end(this);
    this.#deadline.set(FAREWELL_MS);
    await this.#linger();
    this.#deadline.cancel();
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
    this.#gone.abort();
    this.#channel.connection.abort();
  }

  replaced(by: TcpAddress): void {
    // For other targets it speaks on; a report of this one is refused.
    if (!this.#options.registry.owns(this)) void this.goodbye("REPLACED", takenOverBy(by));
  }

  wake(ref: number): void {
    if (!this.over.aborted) this.#tell({ t: "wake", ref });
  }

  usage(ref: number, active: number, waiting: number): boolean {
    return !this.over.aborted && this.#tell({ t: "usage", ref, active, waiting });
  }

  /** Gives whether it is on its way. */
  #tell(body: object): boolean {
    if (this.#untaken >= MOST_UNTAKEN) return false;
    this.#untaken += 1;
    this.#channel
      .send(this.#seal.seal(body))
      .catch(() => this.#gone.abort())
      .finally(() => {
        this.#untaken -= 1;
      });
    return true;
  }

  /** The keys have changed. Ends the session where its key is not valid any more, or allows none of its targets. */
  recheckKey(): void {
    if (this.over.aborted || this.proved.claim.as === "join") return;
    try {
      this.#renewKey();
    } catch (error) {
      void this.#dismiss(error);
      return;
    }
    const { registry } = this.#options;
    for (let not = registry.forbidden(this); not !== null; not = registry.forbidden(this)) {
      const { ref, reason } = not;
      this.#rejected(new HarmonyError("FORBIDDEN", reason, { fault: "target" }), ref);
      if (!registry.owns(this)) void this.goodbye("FORBIDDEN", reason);
    }
  }

  /** Ends the session, with a goodbye if the reporter takes it in time. Resolves when it is over, never rejects. */
  async goodbye(code: string, reason: string): Promise<void> {
    await this.#end({ t: "goodbye", code, reason: reasonOf(reason) });
    await this.run();
  }

  /** The same of a balancer that stops: the reporter hears, after the goodbye, what is left of connections that it has issued credits for. */
  async stop(reason: string): Promise<void> {
    if (this.over.aborted) return this.run();
    const { registry, returns } = this.#options;
    this.#ending.abort();
    this.#deadline.cancel();
    this.#tell({ t: "goodbye", code: "STOPPING", reason: reasonOf(reason) });
    const tell = (ref: number, active: number) => this.#tell({ t: "usage", ref, active, waiting: 0 });
    this.#parting = returns.begin(registry.identities(this), tell, this.#gone.signal);
    await this.#parting;
    await this.#finish();
    await this.run();
  }

  /** Nothing is read or answered after this body. */
  async #end(body: object): Promise<void> {
    if (this.over.aborted) return;
    this.#ending.abort();
    this.#channel.send(this.#seal.seal(body)).catch(() => this.abort());
    await this.#finish();
  }

  /** Nothing is said any more. */
  async #finish(): Promise<void> {
    this.#deadline.set(FAREWELL_MS);
    await this.#channel.closeWrite().catch(() => this.abort());
  }

  async #serve(): Promise<void> {
    for (let isFirst = true; ; isFirst = false) {
      const line = await this.#nextLine();
      this.#vanished = line === null && !this.over.aborted;
      if (line === null) this.#gone.abort();
      if (!line || this.over.aborted) return;
      const body = this.#seal.open(line);
      if (isFirst) {
        this.#options.onAuthenticated(this);
        this.#channel.onEmpty = () => this.#heartbeat();
      }
      // After a lease without a report the target is down; the reporter will come back.
      this.#deadline.set(this.#options.welcome.lease);
      const message = readFromReporter(body);
      await this.#slowDown(message);
      await this.#underWay.room();
      if (this.over.aborted) return;
      this.#underWay.begin("ref" in message ? message.ref : 0, () => this.#work(message));
    }
  }

  async #nextLine(): Promise<Uint8Array | null> {
    const { heartbeats } = this.#options;
    if (this.#pulse !== null) heartbeats.listens(this.#pulse);
    const line = await this.#channel.readLine();
    if (line !== null && this.#pulse !== null) heartbeats.heard(this, this.#pulse);
    return line;
  }

  /** An empty line, which nobody has sealed: a sign of life, and no more. It renews nothing. */
  #heartbeat(): Promise<void> | undefined {
    if (this.over.aborted) {
      this.#channel.onEmpty = null; // thousands may have come in one piece: the next one ends the reading
      return undefined;
    }
    const { clock, heartbeats } = this.#options;
    this.#pulse ??= heartbeats.begin(this);
    this.#pace ??= this.#beginPace();
    heartbeats.heard(this, this.#pulse);
    heartbeats.listens(this.#pulse);
    return this.#pause(this.#pace.waitForHeartbeat(clock.now()));
  }

  /** Where messages come faster than they may. */
  #slowDown(message: FromReporter): Promise<void> | undefined {
    const { clock, registry } = this.#options;
    this.#pace ??= this.#beginPace();
    return this.#pause(this.#pace.wait(message, clock.now(), registry.count(this)));
  }

  #pause(ms: number): Promise<void> | undefined {
    return ms > 0 ? pass(this.#options.clock, ms) : undefined;
  }

  #beginPace(): Pace {
    const { paces, clock } = this.#options;
    const { id } = this.#key;
    const pace = paces.begin(id, clock.now());
    this.over.addEventListener("abort", () => paces.end(id, pace, clock.now()));
    return pace;
  }

  /** Never rejects: a fault in it ends the session. */
  async #work(message: FromReporter): Promise<void> {
    try {
      if (this.over.aborted) return;
      const answer = await this.#answer(message);
      if (this.over.aborted || answer === null) return;
      if (this.#isLast(answer)) await this.#end(answer);
      else await this.#channel.send(this.#seal.seal(answer));
    } catch (error) {
      await this.#dismiss(error);
    }
  }

  /** null: the session has ended meanwhile. */
  async #answer(message: FromReporter): Promise<Ok | Reject | null> {
    if (this.proved.claim.as !== "join") this.#renewKey();
    try {
      const answer = await answerTo(this, message, this.#options);
      if (answer && message.t === "report") this.#lastReport = this.#options.wallClock();
      return answer && { t: "ok", ...this.#stamp(message), ...answer };
    } catch (error) {
      if (!(error instanceof HarmonyError)) throw error;
      if (this.over.aborted) return null;
      this.#rejected(error, "ref" in message ? message.ref : 0);
      const { code, retry } = error;
      return { t: "reject", ...this.#stamp(message), code, reason: reasonOf(error.message), retry };
    }
  }

  #stamp({ n }: FromReporter): { n: number; at: number } {
    return { n, at: Math.floor(this.#options.clock.now() - this.welcomedAt) };
  }

  /** Whether the session has nothing more to say: it was for joining, or was refused for good all that it was for. */
  #isLast(answer: Ok | Reject): boolean {
    if (this.proved.claim.as === "join") return true;
    const isForGood = answer.t === "reject" && !answer.retry;
    return isForGood && this.#underWay.size === 1 && !this.#options.registry.owns(this);
  }

  /** Takes on the key's limits as they are now. Throws where the key is gone, or is another one. */
  #renewKey(): void {
    const { keys } = this.#options;
    const key = keys.current(this.#key);
    if (key === undefined && keys.accepts(this.#key)) {
      const message = `reporter "${this.#key.id}" has exchanged its key, and comes back with the new one`;
      throw new HarmonyError(EXCHANGED, message, { fault: "target", retry: true });
    }
    if (key === undefined) {
      const message = `key "${this.#key.id}" is no longer valid or has changed`;
      throw new HarmonyError("KEY_CHANGED", message, { fault: "target", retry: true });
    }
    this.#key = key;
  }

  /** A target whose report is refused for good goes out; if the same report may succeed later, it has its lease. */
  #rejected({ code, message, retry }: HarmonyError, ref: number): void {
    if (!retry) this.#options.registry.rejected(this, ref);
    // The takeover has been told; each attempt of the displaced one to come back is no news.
    if (code !== "REPLACED") this.#options.onRejected(this, code, message);
  }

  /** Tells the log and the reporter why the session ends, unless it is because the connection was lost. */
  async #dismiss(error: unknown): Promise<void> {
    if (this.over.aborted || error instanceof NetError) return;
    const isOurs = !(error instanceof HarmonyError);
    const code = isOurs ? INTERNAL : error.code;
    // That it exchanges its key has been told.
    if (code !== EXCHANGED) this.#options.onRejected(this, code, messageOf(error));
    await this.#end({ t: "goodbye", code, reason: isOurs ? "internal error" : reasonOf(error.message) });
  }
}
