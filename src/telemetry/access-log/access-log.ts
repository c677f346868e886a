/** The access log: a line for each connection that has ended, to a file, a pipe or standard error. */
import type { AccessFormat, AccessPlace } from "../../config/access-log-options.ts";
import type { CloseRecord } from "../../proxy/record.ts";
import type { Clock } from "../../util/clock.ts";
import { HarmonyError, messageOf } from "../../util/errors.ts";
import { type Destination, openFile, openStandardError } from "./destination.ts";
import { accessLine } from "./format.ts";
import { LineWriter } from "./line-writer.ts";
import { isSampled } from "./sample.ts";
import type { OnWarning } from "./trouble.ts";

export interface AccessLogSettings {
  readonly accessLog: AccessPlace;
  readonly accessLogFormat: AccessFormat;
  /** One in so many of the connections that went as they should. */
  readonly accessLogSample: number;
}

export interface AccessLogParts {
  readonly clock: Clock;
  readonly onWarning: OnWarning;
  /** What a line on standard error begins with, for whoever reads it there. */
  readonly prefix: string;
}

interface Open {
  readonly place: NonNullable<AccessPlace>;
  readonly writer: LineWriter;
}

export class AccessLog {
  readonly #parts: AccessLogParts;
  #settings: AccessLogSettings;
  #open: Open | null = null;
  /** What of earlier places is yet to be written. */
  #closing: Promise<unknown> = Promise.resolve();
  #lost = 0;

  /** Throws `ACCESS_LOG` where it cannot be opened. */
  constructor(settings: AccessLogSettings, parts: AccessLogParts) {
    this.#parts = parts;
    this.#settings = settings;
    if (settings.accessLog !== null) this.#open = this.#openAt(settings.accessLog);
  }

  /** Lines that were lost so far. */
  get lost(): number {
    return this.#lost;
  }

  get isOn(): boolean {
    return this.#open !== null;
  }

  /** The file that it writes to; null where there is none. */
  get path(): string | null {
    const { place } = this.#open ?? {};
    return typeof place === "object" ? place.path : null;
  }

  add(record: CloseRecord): void {
    if (this.#open === null || !isSampled(record, this.#settings.accessLogSample)) return;
    const line = accessLine(record, this.#settings.accessLogFormat);
    this.#open.writer.write(this.#open.place === "stderr" ? this.#parts.prefix + line : line);
  }

  /** Other settings from here on. Throws `ACCESS_LOG`, and goes on where it was, in the new format. */
  change(settings: AccessLogSettings): void {
    this.#settings = settings;
    if (isSame(this.#open?.place ?? null, settings.accessLog)) return;
    const next = settings.accessLog === null ? null : this.#openAt(settings.accessLog);
    this.#leave();
    this.#open = next;
  }

  /** After its file was moved away. False: it writes to none. */
  reopen(): boolean {
    if (this.path === null) return false;
    this.#open!.writer.reopen();
    return true;
  }

  async close(): Promise<void> {
    this.#leave();
    await this.#closing;
  }

  #leave(): void {
    const { writer } = this.#open ?? {};
    this.#open = null;
    if (writer === undefined) return;
    this.#closing = Promise.all([this.#closing, writer.close()]);
  }

  #openAt(place: NonNullable<AccessPlace>): Open {
    const { clock, onWarning } = this.#parts;
    const name = `the access log${place === "stderr" ? "" : ` ${place.path}`}`;
    const open = (): Destination => (place === "stderr" ? openStandardError() : openFile(place.path));
    const onLost = (count: number) => {
      this.#lost += count;
    };
    const writer = new LineWriter({ clock, name, open, onLost, onWarning });
    try {
      writer.open();
    } catch (cause) {
      throw new HarmonyError("ACCESS_LOG", `${name} cannot be opened: ${messageOf(cause)}`, { fault: "config", cause });
    }
    return { place, writer };
  }
}

function isSame(one: AccessPlace, other: AccessPlace): boolean {
  if (one === null || other === null || one === "stderr" || other === "stderr") return one === other;
  return one.path === other.path;
}
