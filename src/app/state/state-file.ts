/**
 * Keeps what operators have ordered across restarts. What is in the file is read once, at the start; from then on this process alone
 * writes it. An order is in force whether it can be kept or not, and what cannot be kept is said, and tried again.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, renameSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { Orders } from "../../targets/orders.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { replaceFile } from "../../util/durable-file.ts";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import { signatureOrFailure } from "../../util/file-signature.ts";
import { checkFolder, UnsafeFile } from "../../util/secret-file.ts";
import { type LevelOrder, type Ordered, readState, writeState } from "./format.ts";

/** Several times what as many orders take as there may be. */
const MOST_BYTES = 32 * 1024 * 1024;
const OTHERS_WRITE = 0o022;
/** ms until what could not be written is tried again. */
const RETRY_MS = 10_000;
/** ms that whoever has ordered, or stops the balancer, waits for the disk, which may be slow or gone: the order is in force already. */
const PATIENCE_MS = 2_000;
/** Without it, opening a pipe would wait for its writer. Windows has none. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants;

const FOR_NOW = "what is ordered is in force, and will be forgotten when this balancer stops";

const NOTHING: Ordered = { orders: new Map(), logLevel: null };

export interface StateFileOptions {
  readonly path: string;
  /** Its folder is this balancer's own, and may be made. */
  readonly isOwnPlace: boolean;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** Something an operator should know. */
  readonly onWarning: (message: string, cause?: unknown) => void;
  /** For tests. */
  readonly write?: typeof replaceFile;
}

export class StateFile {
  readonly path: string;
  /** Of what was in the file, and what has been ordered since. */
  readonly orders: Orders;
  /** As `orders`: null where none is ordered. */
  logLevel: LevelOrder | null;
  readonly #options: StateFileOptions;
  /** It is somebody else's: nothing is ever written. */
  #isForeign = false;
  /** Of the file as this process has left it. */
  #signature: string;
  /** What is in force has yet to be written. */
  #isDirty = false;
  #hasFailed = false;
  #writing: Promise<void> | null = null;
  #cancelRetry: Cancel = () => undefined;
  #closed = false;

  /** Reads the file. What is wrong with it is told, and no reason not to start. */
  constructor(options: StateFileOptions) {
    this.#options = options;
    this.path = options.path;
    const { orders, logLevel } = this.#read();
    this.orders = new Orders(orders);
    this.logLevel = logLevel;
    this.#signature = signatureOrFailure(this.path);
  }

  /** What is ordered has changed. Resolves when it is kept, or when it is clear that it is not for now. Never rejects. */
  async keep(): Promise<void> {
    if (this.#isForeign) return;
    this.#isDirty = true;
    this.#cancelRetry();
    this.#writing ??= this.#writeAll();
    await this.#patiently(this.#writing);
  }

  /** Resolves when nothing is being written any more; what could not be is tried a last time. A disk that does not answer is left. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    await this.#patiently(this.#lastWrite());
  }

  async #lastWrite(): Promise<void> {
    await this.#writing;
    if (this.#isDirty) await this.#writeAll();
  }

  async #patiently(writing: Promise<void>): Promise<void> {
    let cancel: Cancel = () => undefined;
    const patience = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(PATIENCE_MS, resolve);
    });
    await Promise.race([writing, patience]);
    cancel();
  }

  async #writeAll(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await this.#write();
      } catch (error) {
        this.#isDirty = true;
        this.#failed(error);
        break;
      }
    }
    this.#writing = null;
  }

  async #write(): Promise<void> {
    const { write = replaceFile, isOwnPlace, onWarning } = this.#options;
    if (isOwnPlace) mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    if (signatureOrFailure(this.path) !== this.#signature) throw new Error(`somebody else has changed it: ${OTHERS}`);
    await write(this.path, writeState({ orders: this.orders.all(), logLevel: this.logLevel }));
    this.#signature = signatureOrFailure(this.path);
    if (this.#hasFailed) onWarning(`the state file ${this.path} is written again: what is ordered is kept`);
    this.#hasFailed = false;
  }

  #failed(error: unknown): void {
    const { onWarning, clock } = this.#options;
    if (!this.#hasFailed) {
      onWarning(
        `the state file ${this.path} is not written (${messageOf(error)}); ${FOR_NOW}, unless it can be written before that`,
        error,
      );
    }
    this.#hasFailed = true;
    if (this.#closed) return;
    this.#cancelRetry = clock.after(RETRY_MS, () => {
      if (this.#isDirty) this.#writing ??= this.#writeAll();
    });
  }

  #read(): Ordered {
    const { path } = this;
    const { onWarning } = this.#options;
    try {
      const text = readOwn(path);
      return text === null ? NOTHING : readState(text);
    } catch (error) {
      if (codeOf(error) === "DAMAGED") this.#setAside(messageOf(error));
      else {
        this.#isForeign = true;
        const why = error instanceof UnsafeFile ? error.message : messageOf(error);
        onWarning(
          `the state file ${path} is neither used nor written: ${why}. Until that is mended, or --state names another place, nothing of what was ordered before is in force, and ${FOR_NOW}`,
          error,
        );
      }
      return NOTHING;
    }
  }

  #setAside(why: string): void {
    const { path } = this;
    const { onWarning, wallClock } = this.#options;
    const aside = `${path}.damaged-${new Date(wallClock()).toISOString().replaceAll(/[:.]/g, "-")}`;
    try {
      renameSync(path, aside);
      onWarning(
        `the state file ${path} is damaged (${why}): it has been set aside as ${aside}, and nothing of what was ordered before is in force`,
      );
    } catch (error) {
      this.#isForeign = true;
      onWarning(
        `the state file ${path} is damaged (${why}), and cannot be set aside (${messageOf(error)}): nothing of what was ordered before is in force, and ${FOR_NOW}`,
        error,
      );
    }
  }
}

const OTHERS =
  "another balancer, perhaps, which needs a place of its own (--state PATH). Restart this one for it to take over what is in the file";

/** null: there is no such file. Throws UnsafeFile, HarmonyError or the file system's error. */
function readOwn(path: string): string | null {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    checkSafe(path, stat);
    if (stat.size > MOST_BYTES) throw new HarmonyError("DAMAGED", `it has ${stat.size} bytes`, { fault: "config" });
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** Whoever may write it may give orders. */
function checkSafe(path: string, stat: Stats): void {
  if (!stat.isFile()) throw new UnsafeFile("it is not a regular file");
  const user = process.geteuid?.();
  if (user === undefined) return; // Windows: the folder's access list protects it
  if ((stat.mode & OTHERS_WRITE) !== 0) throw new UnsafeFile(`other users may write it: run chmod 600 ${path}`);
  if (stat.uid !== user && stat.uid !== 0)
    throw new UnsafeFile(`it belongs to another user (id ${stat.uid}): run chown ${user} ${path}`);
  checkFolder(dirname(path));
}
