/** The JSON lines of what a program says, which comes in pieces. */
export class JsonLines<T> {
  /** The objects, and lists of objects or texts, of all that has come so far; other lines are left out, such as TOML's `[pool.web]`. */
  readonly values: T[] = [];
  /** Pieces of the line that has yet to end: it may be long, and is put together once. */
  #rest: string[] = [];

  add(text: string): void {
    const [first, ...others] = text.split("\n");
    this.#rest.push(first!);
    if (others.length === 0) return;
    const lines = [this.#rest.join(""), ...others];
    this.#rest = [lines.pop()!];
    for (const line of lines) if (/^(\{.*\}|\[([{"].*)?\])$/.test(line)) this.values.push(JSON.parse(line));
  }
}
