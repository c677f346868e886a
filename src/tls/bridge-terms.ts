/** How targets are spoken to through TLS, and the bridge of the threads that do it. */
import { randomBytes } from "node:crypto";
import type { TargetTlsBridge } from "../engines/engine.ts";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import { FileWatch } from "../util/file-watch.ts";
import { BRIDGE_SECRET_BYTES } from "./bridge-protocol.ts";
import { readTargetTls } from "./certificates.ts";
import type { LoadedTargetTls, Order } from "./orders.ts";
import type { TargetTls } from "./settings.ts";
import type { TlsThreads } from "./threads.ts";

export interface BridgeTermsOptions {
  readonly threads: TlsThreads;
  readonly clock: Clock;
  /** Files have changed, and cannot be used: what was read before stays in use. */
  readonly onWarning: (message: string, cause?: unknown) => void;
}

export class BridgeTerms {
  readonly #options: BridgeTermsOptions;
  readonly #threads: TlsThreads;
  readonly #watches = new Map<number, FileWatch>();
  readonly #secret: Uint8Array = new Uint8Array(randomBytes(BRIDGE_SECRET_BYTES));
  readonly #terms = new Map<number, LoadedTargetTls>();
  #port = 0;
  #opening: Promise<void> | null = null;
  #numbers = 0;

  constructor(options: BridgeTermsOptions) {
    this.#options = options;
    this.#threads = options.threads;
  }

  /** Rejects with NetError. The threads run. */
  async add(tls: TargetTls, keepalive: number): Promise<TargetTlsBridge> {
    const terms = ++this.#numbers;
    const watch = this.#watch(terms, tls, keepalive); // before the files are read: what changes from then on counts
    const loaded = readTargetTls(tls, keepalive);
    this.#opening ??= this.#open();
    await this.#opening;
    this.#terms.set(terms, loaded);
    this.#watches.set(terms, watch);
    watch.start();
    await this.#threads.orderAll({ type: "terms", terms, tls: loaded });
    return { port: this.#port, secret: this.#secret, terms };
  }

  async delete(terms: number): Promise<void> {
    this.#watches.get(terms)?.close();
    this.#watches.delete(terms);
    this.#terms.delete(terms);
    await this.#threads.orderAll({ type: "terms", terms, tls: null });
  }

  /** What makes a thread have all of it that has nothing. */
  *present(): Iterable<Order> {
    if (this.#port === 0) return;
    yield this.#listening();
    for (const [terms, tls] of this.#terms) yield { type: "terms", terms, tls };
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
  }

  #watch(terms: number, tls: TargetTls, keepalive: number): FileWatch {
    const { clock, onWarning } = this.#options;
    const { ca, certificate } = tls;
    const files = [ca, certificate?.cert, certificate?.key].filter((file) => typeof file === "string");
    const watch = new FileWatch({
      clock,
      files: () => files,
      onChange: () => {
        watch.reading();
        try {
          const loaded = readTargetTls(tls, keepalive);
          this.#terms.set(terms, loaded);
          this.#threads
            .orderAll({ type: "terms", terms, tls: loaded })
            .catch((error: unknown) => onWarning("a TLS thread cannot use what targets are spoken to by now", error));
        } catch (error) {
          onWarning(`TLS with targets goes on by the files as they were read before: ${messageOf(error)}`);
        }
      },
    });
    return watch;
  }

  async #open(): Promise<void> {
    for (let thread = 0; thread < this.#threads.count; thread++) {
      const address = await this.#threads.order(thread, this.#listening());
      if (address !== null && "port" in address) this.#port = address.port;
    }
  }

  #listening(): Order {
    return { type: "bridge", port: this.#port, shared: this.#threads.count > 1, secret: this.#secret };
  }
}
