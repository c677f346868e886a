/** The files of a listener's TLS, which are read again when they change: most certificates are renewed every few weeks. */
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import { FileWatch } from "../util/file-watch.ts";
import { filesOf, readListenerTls } from "./certificates.ts";
import type { LoadedListenerTls } from "./orders.ts";
import type { ListenerTls } from "./settings.ts";

export interface WatchedCertificatesOptions {
  readonly tls: ListenerTls;
  readonly clock: Clock;
  /** They have changed, and are this now. */
  readonly onChange: (tls: LoadedListenerTls) => void;
  /** What they are now cannot be used: what was read before stays in force. Told once for each change. */
  readonly onProblem: (problem: string) => void;
}

export class WatchedCertificates {
  readonly #watch: FileWatch;
  /** As they are at first. */
  readonly loaded: LoadedListenerTls;

  /** Throws NetError ETLS. */
  constructor({ clock, onChange, onProblem, tls }: WatchedCertificatesOptions) {
    this.#watch = new FileWatch({
      clock,
      files: () => filesOf(tls),
      onChange: () => {
        this.#watch.reading();
        try {
          onChange(readListenerTls(tls));
        } catch (error) {
          onProblem(`a renewed certificate cannot be used, and the one read before stays in use: ${messageOf(error)}`);
        }
      },
    });
    this.loaded = readListenerTls(tls);
  }

  start(): void {
    this.#watch.start();
  }

  close(): void {
    this.#watch.close();
  }
}
