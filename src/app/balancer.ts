/** The balancer: services, engine and control channel, wired together. It logs nothing and emits events. */
import { runtime } from "#runtime";
import { type Access, signInApp } from "../admin/access/sign-in-app.ts";
import { Tokens } from "../admin/access/tokens.ts";
import { apiApp } from "../admin/api/app.ts";
import { adminApp } from "../admin/app.ts";
import { metricsApp } from "../admin/metrics/app.ts";
import type { ApiPlaces } from "../admin/server.ts";
import type { Step } from "../config/document/difference.ts";
import { serverSettings } from "../config/library.ts";
import type { ServerOptions } from "../config/library-forms.ts";
import { type BalancerSettings, DEFAULT_POOL } from "../config/settings.ts";
import { balancerKeys } from "../control/keys/find-keys.ts";
import { chooseEngine, type PassedOver } from "../engines/choose.ts";
import type { EngineName } from "../engines/engine.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { checkConcurrency } from "../pool/options.ts";
import { type Cancel, every, systemClock } from "../util/clock.ts";
import { Emitter, type EventOf } from "../util/emitter.ts";
import { HarmonyError } from "../util/errors.ts";
import { FileWatch } from "../util/file-watch.ts";
import { Pause } from "../util/pause.ts";
import { Api } from "./api.ts";
import { shareDescriptors, targetPlaces } from "./descriptors.ts";
import { engineWish } from "./engine-wish.ts";
import type { BalancerEvents } from "./events.ts";
import { type Trust, watchInvited } from "./invited.ts";
import { openGroup } from "./open-group.ts";
import { watchedEdges } from "./operated/edges.ts";
import { LastReload } from "./operated/last-reload.ts";
import { measuredOf } from "./operated/measured.ts";
import type { Operable } from "./operated/operable.ts";
import { OperatedBalancer } from "./operated/operated.ts";
import { Operator } from "./operated/operator.ts";
import type { SeenFile } from "./seen.ts";
import { closed, type Services } from "./services.ts";
import type { DocumentSource } from "./source.ts";
import { openState } from "./state/open.ts";
import { Telemetry } from "./telemetry.ts";
import { type PoolTarget, type PoolView, poolViews, targetViews, tcpAddresses } from "./views.ts";
import { type Parts, wire } from "./wiring.ts";
import { withConcurrency } from "./with-concurrency.ts";

export type { BalancerEvents } from "./events.ts";

/** Where clients connect and where targets register, with the real ports. */
export interface BoundAddresses {
  readonly listen: readonly TcpAddress[];
  readonly admin: readonly TcpAddress[];
}

/** ms between looks at garbage, where the runtime needs them, and bytes of it that are left alone. */
const GARBAGE_MS = 250;
const GARBAGE = 16 * 1024 * 1024;

export class Balancer extends Emitter<BalancerEvents> {
  /** Recent events, and what has become of connections. */
  readonly #telemetry = new Telemetry(this, {
    pools: () => this.#parts?.services.pools ?? new Map(),
    edges: () => (this.#parts === null ? [] : watchedEdges(this.#parts.services)),
    threads: () => this.#parts?.engine.threads() ?? [],
    onUnavailable: (text, facts) => this.tell("unavailable", text, facts),
    onRefused: (text, facts) => this.tell("clientsRefused", text, facts),
  });
  /** As given: what is in force now is the document's. */
  #settings: BalancerSettings;
  readonly #source: DocumentSource | null;
  readonly #started: Promise<void>;
  #readyAsked = false;
  /** It serves, and does not stop. */
  #isReady = false;
  /** It has not begun to read. */
  #nextReload: Promise<readonly Step[]> | null = null;
  #parts: Parts | null = null;
  /** Null until there are pools. */
  #serving: Services | null = null;
  #api: Api | null = null;
  #operated: OperatedBalancer | null = null;
  readonly #lastReload = new LastReload();
  readonly #watch: FileWatch | null;
  #seen: SeenFile | null = null;
  #passedOver: readonly PassedOver[] = [];
  #closing: Promise<void> | null = null;
  readonly #stopDelay = new Pause(systemClock);
  #cancelGarbageLooks: Cancel = () => undefined;

  /** Starts at once. What goes wrong comes as `error`, and rejects `ready`. `source`: where reload() reads. */
  constructor(settings: BalancerSettings, source: DocumentSource | null = null) {
    super();
    this.#settings = settings;
    this.#source = source;
    this.#watch = this.#watchDocument();
    this.#started = this.#start();
    this.#started.catch((error: Error) => this.#startFailed(error));
  }

  /** Resolves to where all ports are bound; rejects with why they are not, or with `CLOSED` if it was closed before that. */
  get ready(): Promise<BoundAddresses> {
    this.#readyAsked = true;
    // A promise of its own for each caller, so that a rejection that one does not handle is reported.
    return this.#started.then(() => ({ listen: this.addresses, admin: this.adminAddresses }));
  }

  /** Where clients connect, of all listeners; ports are real once it is ready. Unix sockets are among the listeners of pools(). */
  get addresses(): readonly TcpAddress[] {
    if (this.#parts !== null) return tcpAddresses(this.#parts.services);
    const wanted = [...this.#settings.listeners.values()].flatMap(({ listen }) => listen);
    return wanted.filter((address) => "port" in address);
  }

  /** Where targets register; ports are real once it is ready. */
  get adminAddresses(): readonly TcpAddress[] {
    return this.#parts?.control.addresses ?? this.#settings.admin;
  }

  /** Where the API is to be found, and the file with a token that may do all. Null before it is ready. */
  get api(): (ApiPlaces & { readonly tokenFile: string | null }) | null {
    return this.#api && { ...this.#api.places, tokenFile: this.#api.tokenFile };
  }

  /** The engine at work, and the preferred ones that cannot run here, with the reason. Null before it is ready. */
  get engine(): { readonly name: EngineName; readonly passedOver: readonly PassedOver[] } | null {
    return this.#parts && { name: this.#parts.engine.name, passedOver: this.#passedOver };
  }

  /** Whether reporters have to speak TLS. */
  get adminTls(): boolean {
    return this.#settings.adminTls !== null;
  }

  /** The least severe messages that are to be logged: what an operator has ordered, or else as it is configured. */
  get logLevel(): BalancerSettings["logLevel"] {
    return this.#operated?.logLevel.inForce ?? this.settings.logLevel;
  }

  /** What the API shows, and what it does, for the program that the balancer runs in. Rejects with `NOT_READY` before it is ready. */
  get operator(): Operator {
    return new Operator(() => this.#operated);
  }

  /** What is in force, completed. */
  get settings(): BalancerSettings {
    return this.#parts?.document.settings ?? this.#settings;
  }

  /** Every pool that is served. Empty before it is ready. */
  pools(): PoolView[] {
    return this.#parts === null ? [] : poolViews(this.#parts.services, this.#parts.document);
  }

  /** Every known target, with its counters; of one pool, if it is named. */
  targets(pool?: string): PoolTarget[] {
    if (this.#parts === null) return [];
    const { services, control } = this.#parts;
    return targetViews(services, (identity) => control.registry.sourcesOf(identity), pool);
  }

  /** Names of the pools whose reporters have all fallen silent at once: their targets are served while they accept connections. */
  get panic(): readonly string[] {
    return [...(this.#parts?.services.pools ?? [])].filter(([, pool]) => pool.panic).map(([name]) => name);
  }

  /** Client connections that hold a permit, and those that wait in the queue, in all pools. */
  get connections(): { readonly active: number; readonly waiting: number } {
    return this.#parts?.services.connections ?? { active: 0, waiting: 0 };
  }

  /** Limits the client connections of a pool that are served at once from now on. -1 means no limit, 0 pauses. */
  setConcurrency(limit: number, name: string = DEFAULT_POOL): void {
    checkConcurrency(limit);
    if (this.#serving === null) this.#settings = withConcurrency(this.#settings, limit, name);
    else this.#serving.setConcurrency(limit, name);
  }

  /**
   * Goes over to another document, of which it carries out what differs: connections, targets and counters of what stays are not
   * touched. Resolves to what was done. Rejects with what is wrong, and nothing has changed then. What holds for the whole process (a step `restart`) stays as it is.
   */
  apply(options: ServerOptions): Promise<readonly Step[]> {
    return this.#change(() => serverSettings(options));
  }

  /**
   * Reads the document again and goes over to it, as apply() does. Rejects with `NO_DOCUMENT` where it does not come from anywhere that
   * can be read again. It is read when its turn has come: one that has yet to begin is for all who ask meanwhile.
   */
  reload(): Promise<readonly Step[]> {
    this.#nextReload ??= this.#change(() => {
      this.#nextReload = null;
      this.#watch?.reading();
      return this.#read((source) => source.read());
    });
    return this.#nextReload;
  }

  /** As reload() does, as if the document said that: TOML. It is in force until the next reload, or restart. */
  applyDocument(toml: string): Promise<readonly Step[]> {
    return this.#change(() => this.#read((source) => source.parse(toml)));
  }

  /** What reload() would do; with a path, if that file were the document's. Throws what reload() rejects with for a document that is wrong. */
  compare(file: string | null = null): readonly Step[] {
    const { document } = this.#parts ?? {};
    if (document === undefined)
      throw new HarmonyError("NOT_READY", "the balancer has yet to start", { fault: "config", retry: true });
    return document.compare(this.#read((source) => source.read(file ?? undefined)));
  }

  /**
   * Stops accepting after the stop delay, tells reporters goodbye, and lets open connections finish for at most `timeout` ms
   * (default: the drain time-out; 0 ends them now, without a delay). Resolves when nothing is left; a second call ends the delay,
   * and may shorten the time-out. Never rejects.
   */
  close(timeout?: number): Promise<void> {
    const { drainTimeout, stopDelay } = this.#settings;
    this.#stopDelay.end(); // of an earlier call
    if (this.#closing !== null) void this.#parts?.engine.close(timeout ?? drainTimeout);
    this.#closing ??= this.#close(timeout ?? drainTimeout, timeout === 0 ? 0 : stopDelay);
    return this.#closing;
  }

  protected override tell(...event: EventOf<BalancerEvents>): void {
    const [name, ...args] = event;
    if (name !== "connectionClose") this.#telemetry.heard(name, args); // of those there are too many
    super.tell(...event);
  }

  async #start(): Promise<void> {
    await Promise.resolve(); // listeners are attached after the constructor
    const { hint, warning, ...trust } = balancerKeys(this.#settings);
    const { factory, passedOver } = await chooseEngine(this.#settings.engine, engineWish(this.#settings));
    this.#refuseWhenClosed();
    const warn = (message: string, cause?: unknown) => this.tell("warning", message, cause);
    const state = openState(this.#settings, warn);
    const tokens = new Tokens(trust.keys.loaded.file, trust.files, this.#settings.keyFile);
    const shares = shareDescriptors(targetPlaces(this.#settings.pools));
    const engine = factory.create({
      threads: this.#settings.threads,
      reserve: shares.reserve,
      onClose: (record) => {
        this.#telemetry.ended(record);
        this.tell("connectionClose", record);
      },
      onWarning: warn,
    });
    const tell = (...event: EventOf<BalancerEvents>) => this.tell(...event);
    const [settings, { statistics }] = [this.#settings, this.#telemetry];
    const membership = await openGroup(settings, warn);
    const parts = wire({ settings, engine, trust, tokens, shares, state, membership, statistics, tell });
    this.#parts = parts;
    this.#passedOver = passedOver;
    try {
      await engine.start();
      await parts.group?.start(); // clients find the targets that others know
      await parts.document.start();
      this.#beginServing(parts);
      await parts.control.start();
      this.#refuseWhenClosed();
      this.#seen = watchInvited(trust, parts.control, tell);
      await this.#openApi(trust, tokens);
      this.#refuseWhenClosed(); // what has been opened meanwhile, close() closes
    } catch (error) {
      await this.#release(0);
      throw this.#closing === null ? error : closed(); // stopped meanwhile: what could not be opened then is no fault
    }
    const { lookForGarbage } = runtime;
    this.#telemetry.start();
    if (lookForGarbage) this.#cancelGarbageLooks = every(systemClock, GARBAGE_MS, () => lookForGarbage(GARBAGE));
    this.#watch?.start();
    for (const each of [warning, shares.warning]) if (each !== null) this.tell("warning", each);
    if (hint !== null) this.tell("keyCreated", hint);
    this.tell("keysLoaded", trust.keys.loaded);
    this.#isReady = true;
    this.#operated!.logLevel.start();
    this.tell("listening");
  }

  async #openApi(trust: Trust, tokens: Tokens): Promise<void> {
    this.#api = new Api({
      settings: this.#settings,
      trust,
      tokens,
      answer: (access) => {
        const operable = this.#operable(trust, access);
        this.#operated = new OperatedBalancer(operable);
        const parts = [signInApp(access), metricsApp(measuredOf(operable)), apiApp(this.#operated)];
        return adminApp(() => this.#isReady, parts);
      },
      onAnswer: (status) => this.#telemetry.answered(status),
      warn: (message, cause) => this.tell("warning", message, cause),
    });
    await this.#api.open();
  }

  #operable(trust: Trust, { tokens }: Access): Operable {
    return {
      parts: this.#parts!,
      passedOver: this.#passedOver,
      trust,
      tokens,
      telemetry: this.#telemetry,
      lastReload: this.#lastReload,
      isReady: () => this.#isReady,
      isClosing: () => this.#closing !== null,
      reload: () => this.reload(),
      compare: (file) => this.compare(file),
      applyDocument: (toml) => this.applyDocument(toml),
      tell: (...event) => this.tell(...event),
    };
  }

  /** Limits that were ordered while the pools were being made hold from here on. */
  #beginServing({ services }: Parts): void {
    for (const [name, { concurrency }] of this.#settings.pools) {
      if (services.state.pools.get(name)!.concurrency !== concurrency) services.setConcurrency(concurrency, name);
    }
    this.#serving = services;
  }

  #watchDocument(): FileWatch | null {
    const source = this.#source;
    if (!this.#settings.watch || source === null) return null;
    return new FileWatch({
      clock: systemClock,
      files: () => source.files(),
      onChange: () => void this.reload().catch(() => undefined), // whoever listens hears of it by the event
    });
  }

  #read(from: (source: DocumentSource) => BalancerSettings): BalancerSettings {
    if (this.#source !== null) return from(this.#source);
    const why =
      "the configuration of this balancer comes from the program that embeds it, and cannot be read again: use apply()";
    throw new HarmonyError("NO_DOCUMENT", why, { fault: "config" });
  }

  async #change(read: () => BalancerSettings): Promise<readonly Step[]> {
    try {
      await this.#started;
      this.#refuseWhenClosed();
      this.tell("reloading");
      const steps = await this.#parts!.document.apply(read);
      this.#lastReload.done(steps);
      this.tell("reloaded", steps);
      return steps;
    } catch (error) {
      this.#lastReload.failed(error as Error);
      this.tell("reloadFailed", error as Error);
      throw error;
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== null) throw closed();
  }

  #startFailed(error: Error): void {
    if (this.#closing !== null) return;
    // Nothing is left open, so close() has nothing to do.
    this.#closing = Promise.resolve();
    if (this.listenerCount("error") > 0) this.tell("error", error);
    else if (!this.#readyAsked) {
      // As with a net.Server: if nobody listens for the error of a failed start, it is thrown.
      setTimeout(() => {
        throw error;
      });
    }
  }

  async #close(timeout: number, delay: number): Promise<void> {
    const wasReady = this.#isReady;
    this.#isReady = false; // who asks for /readyz hears of it while clients are still taken
    if (wasReady && delay > 0) await this.#stopDelay.wait(delay);
    await this.#release(timeout);
    await this.#started.catch(() => undefined); // `ready` tells why it failed; it may have opened something meanwhile
    await this.#release(timeout);
    this.#telemetry.close();
    this.tell("close");
  }

  async #release(timeout: number): Promise<void> {
    this.#isReady = false;
    this.#cancelGarbageLooks();
    this.#watch?.close();
    const { engine, tls, lists, control, services, declared, document, removal, brought, state, group } =
      this.#parts ?? {};
    const left = group?.leave();
    const tlsClosed = services?.close();
    lists?.close();
    removal?.close();
    declared?.close();
    const served = engine?.close(timeout);
    const changes = [tlsClosed, brought?.close(), document?.settled()];
    await Promise.all([left, served, control?.close({ served }), this.#seen?.close(), ...changes]);
    await tls?.close(timeout);
    await this.#api?.close(); // until then it tells how many connections are left
    await group?.close();
    await state?.close();
  }
}
