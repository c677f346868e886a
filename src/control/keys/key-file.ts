/** Reads and creates key files, and refuses those that other users could read or replace. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf, HarmonyError, isAbsence, messageOf } from "../../util/errors.ts";
import { checkFolder, type Reader, readSecretFile, type SecretFile, UnsafeFile } from "../../util/secret-file.ts";
import { parseKeyFile, type SharedKey } from "./key.ts";
import { type HostEnvironment, type KeyPlace, userName } from "./key-places.ts";

/** Bytes of a generated secret: as many as the HMAC's output. */
const SECRET_BYTES = 32;
/** NotCapable: what Deno says of a path that its own permissions exclude. */
const DENIED = new Set(["EACCES", "EPERM", "NotCapable"]);

export interface KeyFileContent {
  readonly keys: SharedKey[];
  /** Changes whenever the file does. */
  readonly signature: string;
}

/**
 * `mayBeEmpty`: no key in it is an answer, and not a mistake. Throws the file system's ENOENT when there is no such file, otherwise
 * HarmonyError `BAD_KEY_FILE` or `BAD_KEY`.
 */
export function readKeyFile(path: string, environment: HostEnvironment, mayBeEmpty = false): KeyFileContent {
  const { text, signature } = readKeyText("key file", path, environment);
  const keys = parseKeyFile(text, path);
  if (keys.length === 0 && !mayBeEmpty) throw badKeyFile(path, "holds no key: it takes a line [id:]secret per key");
  return { keys, signature };
}

/** `what`: the file in words. Throws the file system's ENOENT or ENOTDIR, otherwise `BAD_KEY_FILE`. */
export function readKeyText(what: string, path: string, reader?: Reader): SecretFile {
  try {
    return guarded(what, path, () => readSecretFile(path, reader));
  } catch (error) {
    if (error instanceof HarmonyError || isAbsence(error)) throw error;
    throw badFile(what, path, `cannot be read by ${userName()}: ${messageOf(error)}`, true);
  }
}

/** As readKeyFile() for a file that has to be there. */
export function readExisting(path: string, environment: HostEnvironment, mayBeEmpty = false): KeyFileContent {
  try {
    return readKeyFile(path, environment, mayBeEmpty);
  } catch (error) {
    if (error instanceof HarmonyError) throw error;
    throw badKeyFile(path, `cannot be read by ${userName()}: ${messageOf(error)}`);
  }
}

/** What is unsafe about the file becomes an error that names it. */
function guarded<T>(what: string, path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw error instanceof UnsafeFile ? badFile(what, path, error.message, true) : error;
  }
}

/** Whether there is a key file at this place. One that this user may not read counts only where it is the user's own. */
export function isPresent({ path, kind }: KeyPlace): boolean {
  try {
    if (kind !== "user") readFileSync(path);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for this user: the next place is used
  }
}

/** Whether the system denies this user the file, or a directory on the way to it. */
export function isDenied(path: string): boolean {
  try {
    closeSync(openSync(path, "r"));
    return false;
  } catch (error) {
    return DENIED.has(codeOf(error) ?? "");
  }
}

/**
 * Creates the key file with a new key, unless another process was faster. Throws the file system's error, or HarmonyError `BAD_KEY_FILE`
 * where the file would be refused.
 */
export function createKeyFile(path: string, environment: HostEnvironment): void {
  createSecretFile("key file", path, newKeyText(), environment);
}

/** Of a key file with one key. */
export function newKeyText(): string {
  const id = `key-${randomBytes(4).toString("hex")}`;
  return `# Harmony: whoever holds this key may register targets.\n${id}:${newSecret()}\n`;
}

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** The same for any file: directory 0700, file 0600. `what`: the file in words. */
export function createSecretFile(what: string, path: string, text: string, { platform }: Reader): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (platform !== "win32") guarded(what, path, () => checkFolder(dirname(path)));
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, text, { flag: "wx", mode: 0o600 });
  try {
    publish(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The file appears complete or not at all, and never replaces another: two balancers started at the same time share one key. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    // A file system without hard links. This is exclusive as well, though a reader might see half a file for a moment.
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
  }
}

export function badKeyFile(path: string, problem: string): HarmonyError {
  return badFile("key file", path, problem);
}

/** `retry`: it has not been read, which may succeed without a change of it. */
export function badFile(what: string, path: string, problem: string, retry = false): HarmonyError {
  return new HarmonyError("BAD_KEY_FILE", `${what} ${path} ${problem}`, { fault: "config", retry });
}
