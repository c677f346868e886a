/** The reporter: one link per balancer, wired together. It logs nothing: it emits events. */
import { runtime } from "#runtime";
import type { ReporterSettings } from "../config/settings.ts";
import { type LinkEvent, ReporterLink } from "../control/client/link.ts";
import { reporterKey } from "../control/keys/keys.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { Emitter } from "../util/emitter.ts";
import { HarmonyError } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";

/** What happened with one balancer. Troubles are told when they begin or change, not at every attempt. */
export interface ReporterEvents {
  connected: [balancer: TcpAddress, software: { readonly name: string; readonly version: string }];
  /** The balancer has taken the target in, under this name. */
  registered: [balancer: TcpAddress, target: string];
  /** The balancer said no, to the key or to what was reported. It is asked again. */
  rejected: [balancer: TcpAddress, rejection: { readonly code: string; readonly reason: string }];
  /** Not connected, or no longer. It is tried again. */
  lost: [balancer: TcpAddress, trouble: { readonly code: string; readonly reason: string }];
  /** The balancer ended it, for this reason. It is tried again. */
  goodbye: [balancer: TcpAddress, farewell: { readonly code: string; readonly reason: string }];
  /** The target has left every balancer that could be told. */
  close: [];
}

/** Connections that a balancer counted last; null where it could not be reached. */
export interface DrainResult {
  readonly balancer: TcpAddress;
  readonly active: number | null;
}

export class Reporter extends Emitter<ReporterEvents> {
  readonly #settings: ReporterSettings;
  readonly #links: readonly { readonly balancer: TcpAddress; readonly link: ReporterLink }[];
  readonly #registered: Promise<void>;
  #markRegistered: () => void = () => undefined;
  #markClosed: (error: HarmonyError) => void = () => undefined;
  #closing: Promise<void> | null = null;

  /** Starts at once, and tries for ever: the balancer need not be there yet. */
  constructor(settings: ReporterSettings) {
    super();
    this.#settings = settings;
    this.#registered = new Promise((resolve, reject) => {
      this.#markRegistered = resolve;
      this.#markClosed = reject;
    });
    this.#registered.catch(() => undefined); // whoever asked for `ready` holds a promise of its own
    this.#links = settings.balancers.map((balancer) => ({ balancer, link: this.#linkTo(balancer) }));
    for (const { link } of this.#links) link.start();
  }

  /** Resolves when the first balancer has taken the target in; rejects if it is closed before that. */
  get ready(): Promise<void> {
    return this.#registered.then();
  }

  /** Takes no new connections, and waits until no balancer counts any or `timeout` ms are over (default: the drain time-out). */
  drain(timeout: number = this.#settings.drainTimeout): Promise<DrainResult[]> {
    return Promise.all(
      this.#links.map(async ({ balancer, link }) => ({ balancer, active: await link.drain(timeout) })),
    );
  }

  /** Leaves every balancer now and stops; connections that are open go on. Idempotent, never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#markClosed(
      new HarmonyError("CLOSED", "the reporter was closed before a balancer had taken it in", { fault: "config" }),
    );
    await Promise.all(this.#links.map(({ link }) => link.leave()));
    this.tell("close");
  }

  #linkTo(balancer: TcpAddress): ReporterLink {
    const { key, keyFile, insecure, tls, ack } = this.#settings;
    return new ReporterLink({
      runtime,
      to: balancer,
      tls: tls ?? undefined,
      key: reporterKey({ key: key ?? undefined, keyFile: keyFile ?? undefined, insecure }),
      software: `harmony-reporter ${VERSION}`,
      target: this.#target(),
      ack,
      onEvent: (event) => this.#pass(balancer, event),
    });
  }

  #target() {
    const { port, advertise, balance, pool, id, maxConnections } = this.#settings;
    return {
      pool,
      port,
      weight: balance,
      health: "up" as const,
      drain: false,
      maxConnections,
      ...(id !== null && { id }),
      ...(advertise !== null && { advertise }),
    };
  }

  #pass(balancer: TcpAddress, event: LinkEvent): void {
    switch (event.type) {
      case "connected":
        this.tell("connected", balancer, { name: event.balancer, version: event.version });
        break;
      case "registered":
        this.#markRegistered();
        this.tell("registered", balancer, event.target);
        break;
      case "rejected":
      case "lost":
      case "goodbye":
        this.tell(event.type, balancer, { code: event.code, reason: event.reason });
        break;
    }
  }
}
