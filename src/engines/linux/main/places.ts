/**
 * Where clients come, by numbers that slots can hold. A number stays an address's for good: connections outlive the listener that they
 * came at. So there are as many as addresses were ever listened on.
 */
export class Places {
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#names.push(name) - 1;
    this.#numbers.set(name, number);
    return number;
  }

  nameOf(number: number): string {
    return this.#names[number]!;
  }
}
