/** Whether a hello is new, or may be one that somebody has recorded. Nothing is remembered of those that are refused. */
import type { Clock } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import type { HelloPayload } from "../protocol/hello.ts";
import { ReplayWindow } from "./replay-window.ts";
import { TICKET_MS, Tickets } from "./tickets.ts";

/** ms by which a reporter's wall clock may differ from the balancer's before that costs it another round trip. */
const CLOCK_MS = 60_000;

/** Keys of which something is remembered, before it is looked for the first time of which that is no longer so. */
const FEW_KEYS = 64;

interface Windows {
  readonly byTime: ReplayWindow;
  readonly byTicket: ReplayWindow;
}

export interface FreshnessOptions {
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
}

export class Freshness {
  readonly #options: FreshnessOptions;
  readonly #tickets: Tickets;
  /** For each key that was proved, so that no holder of one can make the hellos of others be forgotten. */
  readonly #windows = new Map<string, Windows>();
  #manyKeys = FEW_KEYS;
  /** What bears an earlier time, by either clock, is not taken from a key of which nothing is remembered. */
  readonly #since: { byTime: number; byTicket: number };

  constructor({ clock, wallClock }: FreshnessOptions) {
    this.#options = { clock, wallClock };
    this.#tickets = new Tickets(clock);
    this.#since = { byTime: wallClock(), byTicket: clock.now() };
  }

  /** `e`: the ephemeral key, which tells one hello from another. Throws ClockIsWrong, or HarmonyError `REPLAYED`. */
  demand(whose: string, e: Uint8Array, { time, ticket }: Pick<HelloPayload, "time" | "ticket">, host: string): void {
    const { clock, wallClock } = this.#options;
    const { byTime, byTicket } = this.#windowsOf(whose);
    const said = Buffer.from(e).toString("latin1");
    let judged: ReturnType<ReplayWindow["judge"]> = "stale";
    if (ticket === undefined) judged = byTime.judge(said, time, wallClock());
    else {
      // Judged by the ticket alone: once that is forgotten, the time of the line might come round.
      const issuedAt = this.#tickets.issuedAt(Buffer.from(ticket, "base64"), host);
      if (issuedAt !== null) judged = byTicket.judge(said, issuedAt, clock.now());
    }
    if (judged === "stale") throw new ClockIsWrong(time - wallClock(), this.#tickets.issue(host));
    if (judged === "repeated") throw new HarmonyError("REPLAYED", "this hello was sent before", { fault: "target" });
  }

  /** Of how many keys something is remembered. */
  get size(): number {
    return this.#windows.size;
  }

  #windowsOf(whose: string): Windows {
    const known = this.#windows.get(whose);
    if (known) return known;
    if (this.#windows.size >= this.#manyKeys) this.#forgetKeys();
    const windows = {
      byTime: new ReplayWindow({ since: this.#since.byTime, span: CLOCK_MS }),
      byTicket: new ReplayWindow({ since: this.#since.byTicket, span: TICKET_MS }),
    };
    this.#windows.set(whose, windows);
    return windows;
  }

  /** Reporters and invitations come and go for years. */
  #forgetKeys(): void {
    const { clock, wallClock } = this.#options;
    for (const [whose, { byTime, byTicket }] of this.#windows) {
      const ended = { byTime: byTime.endedBy(wallClock()), byTicket: byTicket.endedBy(clock.now()) };
      if (ended.byTime === null || ended.byTicket === null) continue;
      this.#windows.delete(whose);
      this.#since.byTime = Math.max(this.#since.byTime, ended.byTime);
      this.#since.byTicket = Math.max(this.#since.byTicket, ended.byTicket);
    }
    this.#manyKeys = Math.max(FEW_KEYS, 2 * this.#windows.size);
  }
}

/** Nobody can say whether this hello is new. With the ticket it need not be said. */
export class ClockIsWrong extends HarmonyError {
  readonly ticket: Buffer;

  constructor(aheadMs: number, ticket: Buffer) {
    const by = `${Math.abs(Math.round(aheadMs / 1_000))} s ${aheadMs < 0 ? "behind" : "ahead of"} the balancer's`;
    const message = `whether this hello is new cannot be told by its time, which is ${by}: say it again with the ticket`;
    super("CLOCK", message, { fault: "target", retry: true });
    this.ticket = ticket;
  }
}
