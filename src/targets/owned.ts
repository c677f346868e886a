/** Which targets each owner speaks for, by the numbers that it calls them. The other direction of a target's `owner`. */
import type { TargetOwner } from "./report.ts";

interface Owned {
  readonly owner: TargetOwner | null;
  readonly ref: number;
}

export class OwnedTargets<T extends Owned> {
  /** No map in it is empty. */
  readonly #byOwner = new Map<TargetOwner, Map<number, T>>();

  get(owner: TargetOwner, ref: number): T | undefined {
    return this.#byOwner.get(owner)?.get(ref);
  }

  of(owner: TargetOwner): T[] {
    return [...(this.#byOwner.get(owner)?.values() ?? [])];
  }

  has(owner: TargetOwner): boolean {
    return this.#byOwner.has(owner);
  }

  count(owner: TargetOwner): number {
    return this.#byOwner.get(owner)?.size ?? 0;
  }

  add(target: T): void {
    const { owner, ref } = target;
    if (owner === null) return;
    const targets = this.#byOwner.get(owner) ?? new Map<number, T>();
    this.#byOwner.set(owner, targets.set(ref, target));
  }

  delete({ owner, ref }: Owned): void {
    const targets = owner && this.#byOwner.get(owner);
    if (!targets) return;
    targets.delete(ref);
    if (targets.size === 0) this.#byOwner.delete(owner);
  }
}
