/**
 * Where a connection stands until its first line has been judged. Whoever proves a key with that line goes in; of everybody else nothing
 * is kept but, for a second at most, the connection on which he is told why.
 */
import { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { Connection, TcpAddress } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import type { Clock } from "../../util/clock.ts";
import { Deadlines } from "../../util/deadlines.ts";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import type { Stranger } from "../../util/fair-places.ts";
import { PreAuthLimit } from "../../util/pre-auth-limit.ts";
import { MAX_HELLO_LINE, rejectLine } from "../protocol/hello.ts";
import { type Judgement, noHello, type Proved, type Refused, type Seen } from "./handshake.ts";

/** ms from accept, or with TLS from the end of its handshake, to the end of the first line. A packet may get lost, twice. */
export const FIRST_LINE_MS = 5_000;
/** ms that the last line may take to be read before the connection is dropped. */
const FAREWELL_MS = 1_000;

const NO_TLS =
  "it speaks TLS and this admin port does not: start it without --tls and --tls-ca, or the balancer with --admin-tls-cert " +
  "and --admin-tls-key";

export interface DoorstepOptions {
  readonly clock: Clock;
  /** Those of PreAuthLimit, unless it says otherwise. */
  readonly places?: number | undefined;
  /** Called now and then while newcomers come. */
  readonly onCrowd?: () => void;
  /** Never throws for what a peer has sent. */
  readonly judge: (line: Uint8Array, seen: Seen) => Judgement;
  /** Takes over the connection of one that has proved a key. */
  readonly onProved: (channel: LineChannel, proved: Proved) => void;
  readonly onRefused: (from: TcpAddress, who: string, code: string, why: string) => void;
}

/** One on the doorstep. There may be many: it has no timer and no signal of its own. */
class Guest implements Stranger {
  readonly channel: LineChannel;

  constructor(connection: Connection) {
    this.channel = new LineChannel(connection, MAX_HELLO_LINE);
  }

  abort(): void {
    this.channel.connection.abort();
  }
}

export class Doorstep {
  /** Of all admin ports; with TLS also of those whose handshake is under way below. */
  readonly strangers: PreAuthLimit;
  readonly #options: DoorstepOptions;
  readonly #firstLine: Deadlines<Guest>;
  readonly #farewell: Deadlines<Guest>;
  readonly #guests = new Map<Guest, Promise<void>>();

  constructor(options: DoorstepOptions) {
    this.#options = options;
    this.strangers = new PreAuthLimit(options.places, options.onCrowd);
    this.#firstLine = new Deadlines(options.clock, FIRST_LINE_MS, (guest) => guest.abort());
    this.#farewell = new Deadlines(options.clock, FAREWELL_MS, (guest) => guest.abort());
  }

  /** Owns the connection from here on. */
  enter(connection: Connection): void {
    const guest = new Guest(connection);
    this.strangers.add(guest, connection.remote.host);
    this.#firstLine.start(guest);
    this.#guests.set(guest, this.#attend(guest));
  }

  /** Drops everybody. Resolves when nothing is left of them, never rejects. */
  async close(): Promise<void> {
    for (const stranger of this.strangers.all()) stranger.abort();
    await Promise.all(this.#guests.values());
  }

  /** Never rejects. */
  async #attend(guest: Guest): Promise<void> {
    const { connection } = guest.channel;
    const { remote } = connection;
    const judgement = await this.#judge(guest);
    this.#firstLine.cancel(guest);
    if (judgement === null) await connection.close();
    else if ("refused" in judgement) await this.#refuse(guest, judgement, remote);
    this.strangers.delete(guest);
    this.#guests.delete(guest);
    if (judgement !== null && "proved" in judgement) this.#options.onProved(guest.channel, judgement.proved);
  }

  /** null: it has left. */
  async #judge({ channel }: Guest): Promise<Judgement | null> {
    try {
      const line = await channel.readLine();
      return line && this.#options.judge(line, channel.connection);
    } catch (error) {
      if (error instanceof NetError) return null;
      return refusalOf(error);
    }
  }

  async #refuse(guest: Guest, { refused, line, named }: Refused & { readonly named: string }, remote: TcpAddress) {
    const where = formatAddress(remote);
    const { code, message } = refused;
    this.#options.onRefused(remote, named === "" ? where : `${where} (${named})`, code, message);
    if (line === null) return guest.abort();
    this.strangers.refuse(guest);
    this.#farewell.start(guest);
    await guest.channel.send(line).catch(() => guest.abort());
    await this.#linger(guest, remote);
    this.#farewell.cancel(guest);
  }

  /** A fault of the runtime in that ends this connection, and not the balancer. */
  async #linger(guest: Guest, remote: TcpAddress): Promise<void> {
    try {
      await guest.channel.linger();
    } catch (error) {
      this.#options.onRefused(remote, formatAddress(remote), "INTERNAL", messageOf(error));
      guest.abort();
    }
  }
}

/** For what is not even a line, or could not be judged. */
function refusalOf(error: unknown): Judgement {
  if (codeOf(error) === "IS_TLS") {
    const refused = new HarmonyError("NO_TLS", NO_TLS, { fault: "target" });
    // To a TLS client any text says that TLS is not spoken here.
    return { refused, line: rejectLine({ code: "NO_TLS", reason: NO_TLS, retry: false }), named: "" };
  }
  if (error instanceof HarmonyError) return { refused: noHello(error), line: null, named: "" };
  return { refused: new HarmonyError("INTERNAL", messageOf(error), { fault: "balancer" }), line: null, named: "" };
}
