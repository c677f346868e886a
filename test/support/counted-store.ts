/** One balancer's way to a store, whichever that is, and what it has asked of it. */
import type { Claimed, Claims } from "../../src/group/permits.ts";
import type { Changes, CommonSection, GroupStore, Section, Stamped, Texts } from "../../src/group/store.ts";

export interface Asked {
  calls: number;
  /** Names set and removed. */
  written: number;
  /** Names whose texts have come. */
  read: number;
  hints: number;
  /** Of names, texts and hints, both ways: without what a protocol adds. */
  bytes: number;
}

export class CountedStore<Inner extends GroupStore = GroupStore> implements GroupStore {
  onHint: (hint: string) => void = () => undefined;
  onConnected: (isSame: boolean) => void = () => undefined;
  readonly inner: Inner;
  readonly asked: Asked = { calls: 0, written: 0, read: 0, hints: 0, bytes: 0 };

  constructor(inner: Inner) {
    this.inner = inner;
    inner.onConnected = (isSame) => this.onConnected(isSame);
    inner.onHint = (hint) => {
      this.asked.hints++;
      this.asked.bytes += hint.length;
      this.onHint(hint);
    };
  }

  async say(id: string, word: string): Promise<Texts> {
    this.#sent(id, word);
    return this.#came(await this.inner.say(id, word));
  }

  async words(): Promise<Texts> {
    this.#sent();
    return this.#came(await this.inner.words());
  }

  write(id: string, section: Section, changes: Changes, word: string, hint: string): Promise<string | null> {
    const { set, remove } = changes;
    this.asked.written += set.size + remove.length;
    this.#sent(id, word, hint, ...remove);
    this.asked.bytes += bytesOf(set);
    return this.inner.write(id, section, changes, word, hint);
  }

  async read(id: string, section: Section, names: readonly string[] | null): Promise<Texts> {
    this.#sent(id, ...(names ?? []));
    return this.#came(await this.inner.read(id, section, names));
  }

  forget(id: string, hint: string): Promise<void> {
    this.#sent(id, hint);
    return this.inner.forget(id, hint);
  }

  stamp(
    section: CommonSection,
    values: ReadonlyMap<string, Stamped>,
    hint: string,
  ): Promise<ReadonlyMap<string, number>> {
    this.asked.written += values.size;
    this.#sent(hint);
    this.asked.bytes += bytesOf(textsOf(values));
    return this.inner.stamp(section, values, hint);
  }

  discard(section: CommonSection, values: ReadonlyMap<string, Stamped>): Promise<void> {
    this.asked.written += values.size;
    this.#sent(section);
    this.asked.bytes += bytesOf(textsOf(values));
    return this.inner.discard(section, values);
  }

  async readStamped(section: CommonSection): Promise<ReadonlyMap<string, Stamped>> {
    this.#sent(section);
    const values = await this.inner.readStamped(section);
    this.#came(textsOf(values));
    return values;
  }

  claim(id: string, claims: Claims, hint: string): Promise<Claimed | null> {
    this.#sent(id, hint, ...claims.pools.map((claim) => Object.values(claim).join(" ")));
    return this.inner.claim(id, claims, hint);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  #sent(...texts: readonly string[]): void {
    this.asked.calls++;
    for (const text of texts) this.asked.bytes += text.length;
  }

  #came(texts: Texts): Texts {
    this.asked.read += texts.size;
    this.asked.bytes += bytesOf(texts);
    return texts;
  }
}

/** Names and texts are ASCII, but for what people have written into them. */
function bytesOf(texts: Texts): number {
  let bytes = 0;
  for (const [name, text] of texts) bytes += name.length + text.length;
  return bytes;
}

function textsOf(values: ReadonlyMap<string, Stamped>): Texts {
  return new Map([...values].map(([name, { text }]) => [name, text]));
}
