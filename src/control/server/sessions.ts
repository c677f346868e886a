/** All sessions of reporters, from the line that has proved a key to the end of the connection, and which of them has a place. */
import type { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { Quota } from "../../targets/quota.ts";
import type { TargetKey } from "../../targets/report.ts";
import { Returns } from "../../targets/returns.ts";
import { clientName } from "../../util/client-key.ts";
import { messageOf } from "../../util/errors.ts";
import { FairPlaces } from "../../util/fair-places.ts";
import { isOwn } from "../keys/key.ts";
import type { Sighting } from "../keys/seen-file.ts";
import { NoiseError } from "../protocol/noise-error.ts";
import type { Proved, Reporters } from "./handshake.ts";
import { placeFor } from "./places.ts";
import { Session, type SessionOptions } from "./session.ts";

export interface SessionsOptions extends Omit<SessionOptions, "onAuthenticated" | "returns"> {
  /** At once. */
  readonly max: () => number;
  readonly quotaOf: (key: TargetKey) => Quota;
  readonly reporters: Pick<Reporters, "came" | "rotate"> | null;
  /** Its connection has ended. */
  readonly onEnded: (session: Session) => void;
  readonly onWarning: (message: string, cause: unknown) => void;
}

export interface SessionsEnd {
  /** For the reporters. */
  readonly reason?: string;
  /** Settles when no client is served any more; left out: none is. */
  readonly served?: Promise<unknown> | undefined;
}

/** A reporter that is connected. */
export interface SessionView extends Pick<Session, "key" | "remote" | "connectedAt" | "lastReport" | "isSilent"> {
  /** As it calls itself. */
  readonly software: string;
  readonly targets: readonly string[];
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #ofEach: SessionOptions;
  /**
   * Those that have proved a key, and not yet that they are there. What is recorded elsewhere proves a key as well, and so does what a
   * thief of the balancer's own key makes up. So these are bounded like sessions, and the oldest of their key at one address give way:
   * whoever says hello in a reporter's name does not cost that reporter its place, unless he is behind the same address.
   */
  readonly #greeted: FairPlaces;
  readonly #authenticated = new Set<Session>();
  readonly #returns: Returns;
  /** Every session's run. */
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#returns = new Returns(options.registry.rows, options.clock, options.welcome.interval);
    this.#ofEach = { ...options, returns: this.#returns, onAuthenticated: (session) => this.#authenticate(session) };
    this.#greeted = new FairPlaces(options.max());
  }

  /** Reporters connected and authenticated. */
  get size(): number {
    return this.#authenticated.size;
  }

  /** Of them, those that are silent: see heartbeats.ts. */
  get silent(): number {
    let count = 0;
    for (const { isSilent } of this.#authenticated) if (isSilent) count += 1;
    return count;
  }

  /** The reporters that are connected. */
  views(): SessionView[] {
    const { registry } = this.#options;
    const reporters = [...this.#authenticated].filter(({ proved }) => proved.claim.as !== "join");
    return reporters.map((session) => {
      const { key, remote, connectedAt, lastReport, isSilent, proved } = session;
      const targets = registry.identities(session);
      return { key, remote, software: proved.hello.software, connectedAt, lastReport, isSilent, targets };
    });
  }

  /** The invited reporters that are connected. */
  get sightings(): Sighting[] {
    const { registry } = this.#options;
    return [...this.#authenticated]
      .filter(({ key, proved }) => isOwn(key) && proved.claim.as === "reporter")
      .map((session) => ({
        name: session.key.id,
        address: session.remote.host,
        targets: registry.identities(session),
      }));
  }

  /** Owns the connection from here on. */
  begin(channel: LineChannel, proved: Proved): void {
    const session = this.#closed ? null : this.#sessionOf(channel, proved);
    if (session === null) {
      channel.connection.abort();
      return;
    }
    const { key, remote } = session;
    const client = clientName(remote.host);
    this.#greeted.add(session, `${key.id} ${client}`, this.#options.quotaOf(key).sessions);
    const running = this.#serve(session);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  /** The keys have changed. Gives those of sessions that end as theirs is accepted no more. */
  recheckKeys(): string[] {
    const gone: string[] = [];
    for (const session of this.#authenticated) {
      if (session.over.aborted) continue; // it ends for another reason, or has been told
      session.recheckKey();
      if (session.over.aborted && !this.#options.keys.accepts(session.key)) gone.push(session.key.id);
    }
    return gone;
  }

  /**
   * Says goodbye to every reporter. Resolves when all sessions have ended: those of reporters that have issued credits once these are used no
   * more. Never rejects.
   */
  async close({ reason = "the balancer is stopping", served }: SessionsEnd): Promise<void> {
    this.#closed = true;
    for (const session of this.#greeted.all()) session.abort();
    for (const session of this.#authenticated) void session.stop(reason);
    this.#authenticated.clear();
    await served?.catch(() => undefined);
    this.#returns.end();
    await Promise.all(this.#running);
  }

  /** null: it is gone already, or its key of this session is one with which everybody would agree. */
  #sessionOf(channel: LineChannel, proved: Proved): Session | null {
    try {
      return new Session(channel, proved, this.#ofEach);
    } catch (error) {
      if (error instanceof NoiseError || error instanceof NetError) return null;
      throw error;
    }
  }

  async #serve(session: Session): Promise<void> {
    await session.run();
    this.#greeted.delete(session);
    this.#authenticated.delete(session);
    this.#options.onEnded(session);
  }

  #authenticate(session: Session): void {
    this.#makeRoomFor(session);
    this.#greeted.delete(session);
    this.#authenticated.add(session);
    this.#came(session);
  }

  #makeRoomFor(newcomer: Session): void {
    const { max, quotaOf, registry } = this.#options;
    const place = placeFor(newcomer, {
      sessions: this.#authenticated,
      max: max(),
      maxOf: (key) => quotaOf(key).sessions,
      isIdle: (session) => !registry.owns(session),
    });
    if (place === null) return;
    this.#authenticated.delete(place.session);
    void place.session.goodbye(place.reason.code, place.reason.message);
  }

  /** An invited reporter that has come with its new key needs the former one no longer. */
  #came({ key, proved }: Session): void {
    const { reporters, onWarning } = this.#options;
    if (!reporters || proved.publicKey === null || proved.claim.as !== "reporter") return;
    reporters.came(key.id, proved.publicKey).catch((error: unknown) => onWarning(messageOf(error), error));
  }
}
