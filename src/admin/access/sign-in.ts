/** Codes in links that open the dashboard: each is good once, and for a moment, so that one that is seen later is worth nothing. */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../util/clock.ts";

/** ms from asking for a link to opening it. */
export const CODE_MS = 120_000;
const CODE_BYTES = 24;
/** At once; the oldest goes first. */
const MOST = 64;

export class SignInCodes {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #open = new Map<string, { readonly token: string; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `token`: the name of the one that the page is to have the right of. */
  make(token: string): string {
    const [oldest] = this.#open.size >= MOST ? this.#open.keys() : [];
    if (oldest !== undefined) this.#open.delete(oldest);
    const code = randomBytes(CODE_BYTES).toString("base64url");
    this.#open.set(code, { token, until: this.#clock.now() + CODE_MS });
    return code;
  }

  /** The name of its token, once. A code is random enough for a look-up to give nothing away. */
  take(code: string): string | null {
    const found = this.#open.get(code);
    this.#open.delete(code);
    return found !== undefined && found.until > this.#clock.now() ? found.token : null;
  }
}
