/** What a service manager is told that started this program: sd_notify(3) and sd_watchdog_enabled(3) of systemd. */
import { type Clock, every } from "../../util/clock.ts";

/** ms between looks at what the status would be: it is for people, and taking stock of many targets takes time. */
const STATUS_MS = 10_000;
/** ms between signs of life while the program is stopping, and how long each of them counts: several may be late. */
const STOPPING_MS = 1_000;
const EXTENSION_MS = 10_000;
/** ms until what the manager did not take is sent again, and how much of it is kept: a manager that does not read for longer has other worries. */
const RETRY_MS = 100;
const MOST_WAITING = 32;
/** Characters of a status, which is one line. */
const MOST_STATUS = 512;

export interface ManagerOptions {
  /** False, if the manager has not read what came before. */
  readonly send: (text: string) => boolean;
  readonly clock: Clock;
  /** Microseconds of the clock that the manager goes by, CLOCK_MONOTONIC. */
  readonly monotonic: () => number;
  /** ms after which the manager takes the program for stuck, or null. */
  readonly watchdog: number | null;
}

export class ServiceManager {
  readonly #options: ManagerOptions;
  readonly #waiting: string[] = [];
  #text: (() => string) | null = null;
  #said = "";

  /** From here on the watchdog hears, twice in its time, that the main loop turns. */
  constructor(options: ManagerOptions) {
    this.#options = options;
    const { watchdog, clock } = options;
    if (watchdog !== null) every(clock, watchdog / 2, () => this.#tell("WATCHDOG=1"));
  }

  /** Started, or done with reading its options again. */
  ready(): void {
    this.#tell("READY=1");
  }

  /** The time tells the manager that this answers its own request, and not an earlier one. */
  reloading(): void {
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${Math.floor(this.#options.monotonic())}`);
  }

  /** What its status says from now on, which is one line for people. */
  status(text: () => string): void {
    if (this.#text === null) every(this.#options.clock, STATUS_MS, () => this.#sayStatus());
    this.#text = text;
    this.#sayStatus();
  }

  /** It stops, and for `most` ms may take longer than the manager would wait by itself, as long as it keeps saying so. */
  stopping(text: () => string, most: number): void {
    const { clock } = this.#options;
    const end = clock.now() + most;
    this.#tell("STOPPING=1");
    this.status(text);
    const extend = () => {
      if (clock.now() < end) this.#tell(`EXTEND_TIMEOUT_USEC=${EXTENSION_MS * 1_000}`);
      this.#sayStatus();
    };
    extend();
    every(clock, STOPPING_MS, extend);
  }

  #sayStatus(): void {
    const line = this.#text!().replaceAll(/\s+/g, " ").slice(0, MOST_STATUS);
    if (line === this.#said) return;
    this.#said = line;
    this.#tell(`STATUS=${line}`);
  }

  /** In order; what cannot be sent yet waits. */
  #tell(text: string): void {
    if (this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push(text);
    if (this.#waiting.length === 1) this.#flush();
  }

  #flush(): void {
    const { send, clock } = this.#options;
    while (this.#waiting.length > 0) {
      if (!send(this.#waiting[0]!)) return void clock.after(RETRY_MS, () => this.#flush());
      this.#waiting.shift();
    }
  }
}
