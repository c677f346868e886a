/** A group's store on Redis or Valkey. */
import { HarmonyError } from "../../util/errors.ts";
import { MAX_TEXT } from "../max-text.ts";
import type { Claimed, Claims } from "../permits.ts";
import type { Changes, CommonSection, GroupStore, Section, Stamped, Texts } from "../store.ts";
import { CLAIM, claimArguments, parseClaimed } from "./claim-script.ts";
import type { Answer, Command, Connection } from "./connection.ts";
import {
  AFTER,
  DISCARD,
  type Layout,
  LIFE_MS,
  parseStamped,
  readCommands,
  type Script,
  STAMP,
  transaction,
} from "./layout.ts";
import type { Link } from "./link.ts";
import { badAnswer, ReplyError, refusalOf } from "./reply.ts";

/** Of one balancer. */
const MAX_NAMES = 100_000;
/** Of a common section: more than stay there, so that what is to go can be read, and removed. */
const MAX_COMMON = 190_000;
/** Of warnings that have been given: each is given once for each connection. */
const MAX_WARNED = 100;

export class RedisStore implements GroupStore {
  onHint: (hint: string) => void = () => undefined;
  onConnected: (isSame: boolean) => void = () => undefined;
  readonly #link: Link;
  readonly #layout: Layout;
  readonly #onWarning: (text: string) => void;
  readonly #warned = new Set<string>();

  constructor(link: Link, layout: Layout, onWarning: (text: string) => void) {
    this.#link = link;
    this.#layout = layout;
    this.#onWarning = onWarning;
    link.onHint = (hint) => {
      if (byteLength(hint) <= MAX_TEXT) this.onHint(hint);
      else this.#warn("hint", "a hint is longer than any of Harmony's: it is ignored; see who else writes there");
    };
    link.onConnected = (isSame) => {
      this.#warned.clear();
      this.onConnected(isSame);
    };
  }

  async say(id: string, word: string): Promise<Texts> {
    checkTexts([id, word]);
    const { connection, answers } = await this.#ask(this.#layout.say(id, word));
    return this.#texts(connection, this.#layout.members, answers[0]);
  }

  async words(): Promise<Texts> {
    const { connection, answers } = await this.#ask(this.#layout.words());
    return this.#texts(connection, this.#layout.members, answers[0]);
  }

  async write(
    id: string,
    section: Section,
    changes: Changes,
    word: string | null,
    hint: string,
  ): Promise<string | null> {
    const { set, remove, mark, after } = changes;
    checkTexts([id, ...(word === null ? [] : [word]), hint, ...remove, ...(mark ?? [])], set);
    const commands = this.#layout.write(id, section, changes, word, hint);
    const answers =
      mark === undefined || after === undefined
        ? (await this.#ask(transaction(commands))).answers
        : await this.#run(AFTER, [this.#layout.after(id, section, mark[0], after, commands)]);
    const results = answers.at(-1);
    const before = mark && Array.isArray(results) ? results[0] : null;
    return typeof before === "string" ? before : null;
  }

  async read(id: string, section: Section, names: readonly string[] | null): Promise<Texts> {
    const key = this.#layout.own(id, section);
    const { connection, answers } = await this.#ask(readCommands(key, names));
    if (names === null) return this.#texts(connection, key, answers[0]);
    const values = answers.flatMap((answer) => (Array.isArray(answer) ? answer : [null]));
    return this.#kept(
      key,
      names.map((name, i) => [name, values[i] ?? null] as const),
    );
  }

  async forget(id: string, hint: string): Promise<void> {
    await this.#ask(this.#layout.forget(id, hint));
  }

  async stamp(
    section: CommonSection,
    values: ReadonlyMap<string, Stamped>,
    hint: string,
  ): Promise<ReadonlyMap<string, number>> {
    checkTexts([hint], new Map([...values].map(([name, { text }]) => [name, text])));
    const answers = await this.#run(STAMP, this.#layout.stamp(section, values, hint));
    return new Map(answers.flatMap(redatedIn));
  }

  async discard(section: CommonSection, values: ReadonlyMap<string, Stamped>): Promise<void> {
    await this.#run(DISCARD, this.#layout.discard(section, values));
  }

  async readStamped(section: CommonSection): Promise<ReadonlyMap<string, Stamped>> {
    const key = this.#layout.common(section);
    const { connection, answers } = await this.#ask([["HGETALL", key]]);
    const found = new Map<string, Stamped>();
    for (const [name, text] of this.#texts(connection, key, answers[0], MAX_COMMON)) {
      const value = parseStamped(text);
      if (value !== undefined) found.set(name, value);
      else this.#warnOf(key, name, "is none that Harmony has written");
    }
    return found;
  }

  async claim(id: string, claims: Claims, hint: string): Promise<Claimed | null> {
    checkTexts([id, hint]);
    const { permits, channel } = this.#layout;
    const script = ["1", permits, channel, ...claimArguments(id, claims, hint, LIFE_MS)];
    const [answer] = await this.#run(CLAIM, [script]);
    const claimed = parseClaimed(answer);
    if (claimed === undefined) throw badAnswer(this.#connection().where, `${permits} reads as no claims`);
    return claimed;
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /** The script with each of these lists of keys and arguments. */
  async #run({ text, sum }: Script, calls: readonly (readonly string[])[]): Promise<Answer[]> {
    if (calls.length === 0) return [];
    const connection = this.#connection();
    const answers = await connection.ask(calls.map((call): Command => ["EVALSHA", sum, ...call]));
    const unknown = calls.filter((_, i) => isUnknownScript(answers[i]));
    const done = answers.filter((answer) => !isUnknownScript(answer));
    this.#check(connection, done);
    if (unknown.length === 0) return done;
    // A server that has been started anew has to be sent it once.
    const late = await connection.ask(unknown.map((call): Command => ["EVAL", text, ...call]));
    this.#check(connection, late);
    return [...done, ...late];
  }

  #connection(): Connection {
    return this.#link.session().commands;
  }

  async #ask(commands: readonly Command[]): Promise<{ readonly connection: Connection; readonly answers: Answer[] }> {
    const connection = this.#connection();
    const answers = commands.length === 0 ? [] : await connection.ask(commands);
    this.#check(connection, answers);
    return { connection, answers };
  }

  /** Throws where one of them is a refusal: the first that says why. */
  #check(connection: Connection, answers: readonly Answer[]): void {
    const refusals = answers.flat().filter((answer) => answer instanceof ReplyError);
    // EXECABORT says only that there was one before.
    const refusal = refusals.find(({ code }) => code !== "EXECABORT") ?? refusals[0];
    if (refusal === undefined) return;
    const { error, elsewhere } = refusalOf(refusal, connection.where);
    if (elsewhere) connection.drop(error);
    throw error;
  }

  /** Of a whole hash. */
  #texts(connection: Connection, key: string, answer: Answer | undefined, most = MAX_NAMES): Texts {
    if (!Array.isArray(answer)) throw badAnswer(connection.where, `${key} reads as no list`);
    if (answer.length / 2 > most) {
      const text = `${key} in Redis at ${connection.where} has more than ${most} names: another program writes there; remove the key, or give another group-name`;
      throw new HarmonyError("GROUP_REFUSED", text, { fault: "config", retry: true });
    }
    const rows = Array.from({ length: answer.length >> 1 }, (_, i) => [answer[2 * i]!, answer[2 * i + 1]!] as const);
    // A hash has no empty places: those are of texts that were left out (answer-guard.ts).
    for (const [name, text] of rows)
      if (name === null || text === null)
        this.#warnOf(key, typeof name === "string" ? name : "…", "is longer than any of Harmony's");
    return this.#kept(key, rows);
  }

  #kept(key: string, rows: readonly (readonly [Answer, Answer])[]): Texts {
    const found = new Map<string, string>();
    for (const [name, text] of rows) {
      if (typeof name !== "string" || typeof text !== "string") continue;
      if (isShort(name) && isShort(text)) found.set(name, text);
      else this.#warnOf(key, name, `is longer than ${MAX_TEXT} bytes`);
    }
    return found;
  }

  #warnOf(key: string, name: string, what: string): void {
    const shown = JSON.stringify(name.slice(0, 80));
    this.#warn(
      `${key} ${name.slice(0, 80)}`,
      `what ${key} has of ${shown} ${what}: it is ignored; see who else writes there`,
    );
  }

  #warn(what: string, text: string): void {
    if (this.#warned.has(what) || this.#warned.size >= MAX_WARNED) return;
    this.#warned.add(what);
    this.#onWarning(text);
  }
}

/** Names, each with its time behind it. */
function redatedIn(answer: Answer): [name: string, at: number][] {
  if (!Array.isArray(answer)) return [];
  const count = answer.length >> 1;
  return Array.from({ length: count }, (_, i) => [String(answer[2 * i]), Number(answer[2 * i + 1])]);
}

function isUnknownScript(answer: Answer | undefined): boolean {
  return answer instanceof ReplyError && answer.code === "NOSCRIPT";
}

/** What others would ignore is not written. */
function checkTexts(texts: readonly string[], set: Texts = new Map()): void {
  if (set.size > MAX_NAMES) throw tooMuch(`${set.size} names are more than the ${MAX_NAMES} that a section may have`);
  const isLong = (text: string) => !isShort(text);
  const long = texts.find(isLong) ?? [...set].flat().find(isLong);
  if (long === undefined) return;
  throw tooMuch(`${JSON.stringify(`${long.slice(0, 80)}…`)} is longer than ${MAX_TEXT} bytes`);
}

function tooMuch(what: string): HarmonyError {
  return new HarmonyError("GROUP_REFUSED", `what is to be shared with the group is too much: ${what}`, {
    fault: "balancer",
  });
}

function isShort(text: string): boolean {
  return text.length * 3 <= MAX_TEXT || byteLength(text) <= MAX_TEXT;
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
