/** Lists of addresses and networks, as options have them: some in the option itself, others in files, one a line. */
import { resolve } from "node:path";
import { AddressRanges } from "../edge/access/address-ranges.ts";
import { AddressSet, type AddressSetData } from "../edge/access/address-set.ts";
import { inSlices } from "../util/slices.ts";
import { isStream } from "../util/streams.ts";
import type { AddressEntry } from "./access-kinds.ts";
import { readText } from "./files.ts";

/** Wrong lines of a file that are told one by one. */
const TOLD = 5;
/** Letters of a wrong line that are shown. */
const SHOWN = 40;

/** null where something is wrong, which goes to `problems` under the option's name. */
export function readAddresses(
  entries: readonly AddressEntry[],
  option: string,
  problems: string[],
): AddressSetData | null {
  const list = new AddressList(option);
  for (const line of list.linesOf(entries)) list.add(line);
  return list.end(problems);
}

/** The same, with turns for others in between: long lists take a tenth of a second. */
export async function readAddressesInSlices(
  entries: readonly AddressEntry[],
  option: string,
  problems: string[],
): Promise<AddressSetData | null> {
  const list = new AddressList(option);
  await inSlices(list.linesOf(entries), (line) => list.add(line));
  return list.end(problems);
}

/** Those whose changes are to be looked for. */
export function filesOf(entries: readonly AddressEntry[]): readonly string[] {
  return entries.flatMap((entry) => ("file" in entry ? [resolve(entry.file)] : []));
}

class AddressList {
  readonly #option: string;
  readonly #ranges = new AddressRanges();
  readonly #problems: string[] = [];
  /** What the lines that come are part of, and which of them came last. */
  #file = "";
  #line = 0;
  /** Of the file's lines. */
  #wrong = 0;

  constructor(option: string) {
    this.#option = option;
  }

  /** To be given to add() one by one. */
  *linesOf(entries: readonly AddressEntry[]): Generator<string> {
    for (const entry of entries) {
      if ("cidr" in entry)
        this.#ranges.add(entry.cidr); // which the option's kind has judged
      else yield* this.#linesIn(entry.file);
    }
  }

  add(text: string): void {
    this.#line++;
    const comment = text.indexOf("#");
    const line = (comment < 0 ? text : text.slice(0, comment)).trim();
    if (line === "" || this.#ranges.add(line)) return;
    if (++this.#wrong > TOLD) return;
    const shown = JSON.stringify(line.slice(0, SHOWN));
    this.#problems.push(
      `${this.#option}: ${this.#file}:${this.#line}: ${shown} is no address, nor a network such as 10.0.0.0/8 or 2001:db8::/32`,
    );
  }

  end(problems: string[]): AddressSetData | null {
    problems.push(...this.#problems);
    return this.#problems.length > 0 ? null : AddressSet.of(this.#ranges);
  }

  *#linesIn(file: string): Generator<string> {
    const isEndless = isStream(resolve(file)); // it would not be there to be read again
    if (isEndless) this.#problems.push(`${this.#option}: ${file} is no regular file`);
    const text = isEndless ? null : readText(file, this.#option, this.#problems);
    this.#file = file;
    this.#line = 0;
    this.#wrong = 0;
    if (text !== null) yield* text.split("\n");
    if (this.#wrong > TOLD)
      this.#problems.push(`${this.#option}: ${file}: ${this.#wrong - TOLD} more lines are no addresses`);
  }
}
