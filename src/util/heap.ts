/** What is due first, first: a binary heap. What has become void stays in it until it would be next; its owner knows it then. */
export class Heap<Item> {
  readonly #items: { readonly due: number; readonly item: Item }[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** When the first is due; null: there is none. */
  get due(): number | null {
    return this.#items[0]?.due ?? null;
  }

  add(due: number, item: Item): void {
    const items = this.#items;
    let at = items.push({ due, item }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]!.due <= items[at]!.due) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** undefined: there is none. */
  take(): Item | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first?.item;
    items[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < items.length && items[left]!.due < items[least]!.due) least = left;
      if (right < items.length && items[right]!.due < items[least]!.due) least = right;
      if (least === at) return first.item;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const items = this.#items;
    [items[a], items[b]] = [items[b]!, items[a]!];
  }
}
