/** The JSON lines of what a program says, which comes in pieces. */
export class JsonLines<T> {
  /** The objects, and lists of objects or texts, of all that has come so far; other lines are left out, such as TOML's `[pool.web]`. */
  readonly values: T[] = [];
  #rest = "";

  add(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) if (/^(\{.*\}|\[([{"].*)?\])$/.test(line)) this.values.push(JSON.parse(line));
  }
}
