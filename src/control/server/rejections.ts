/** Who was turned away, as far as the log is told of it. */
import type { TcpAddress } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import { clientName } from "../../util/client-key.ts";
import type { Clock } from "../../util/clock.ts";
import { OF_STRANGERS, RateLimitedLog } from "../../util/rate-limited-log.ts";

/** A reporter that was turned away. */
export interface Rejection {
  /** Its address, and the key it named. */
  readonly who: string;
  readonly code: string;
  readonly why: string;
}

const TLS_ONLY =
  "it does not speak TLS and this admin port does: start it with --tls, or with --tls-ca and the certificate";

type Tell = (rejection: Rejection) => void;

/** One per cause and minute of each client (of IPv6: each /64). Strangers with many addresses do not use up what reporters may say. */
export class Rejections {
  readonly #ofStrangers: RateLimitedLog<[rejection: Rejection]>;
  readonly #ofReporters: RateLimitedLog<[rejection: Rejection]>;
  /** All of them, told or not, by code: codes are this program's own words. */
  readonly counts = new Map<string, number>();

  constructor(clock: Clock, tell: Tell) {
    this.#ofStrangers = new RateLimitedLog(OF_STRANGERS, clock, tell);
    this.#ofReporters = new RateLimitedLog(OF_STRANGERS, clock, tell);
  }

  /** One that has proved nothing. */
  stranger(from: TcpAddress, rejection: Rejection): void {
    this.#count(rejection);
    this.#ofStrangers.tell(causeOf(from, rejection), rejection);
  }

  /** One that does not speak TLS. */
  plain(from: TcpAddress): void {
    this.stranger(from, { who: formatAddress(from), code: "TLS_ONLY", why: TLS_ONLY });
  }

  /** One that has proved a key. */
  reporter(from: TcpAddress, rejection: Rejection): void {
    this.#count(rejection);
    this.#ofReporters.tell(causeOf(from, rejection), rejection);
  }

  #count({ code }: Rejection): void {
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
  }
}

function causeOf({ host }: TcpAddress, { code, why }: Rejection): string {
  return JSON.stringify([clientName(host), code, kindOf(why)]);
}

/** A reason without what the peer could choose, so that no number of names, ports or versions makes a line each in the log. */
function kindOf(why: string): string {
  return why.replace(/"[^"]*"/g, "…").replace(/[^ ]*\d[^ ]*/g, "…");
}
