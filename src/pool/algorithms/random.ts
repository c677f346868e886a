/**
 * Power of two random choices (Mitzenmacher): two rows are drawn in proportion to weight, and the one with the smaller
 * active / weight gets the connection, on a tie the first. What other balancers have there counts as active, as far as that is known.
 */
import { algorithm } from "./algorithm.ts";
import { type ChoicesMemory, choicesMemory, TwoChoices } from "./two-choices.ts";

export const random = algorithm({
  name: "random",
  doc: "the less loaded of two at random",
  use: "several balancers in front of the same targets",
  memory: choicesMemory,
  move(from: ChoicesMemory, to: ChoicesMemory): boolean {
    to.random.set(from.random);
    return true;
  },
  create: (context, memory: ChoicesMemory) => new LessLoaded(context, memory),
});

class LessLoaded extends TwoChoices {
  protected choose(): number {
    const { active, elsewhere, weight } = this.layout;
    const first = this.draw();
    const second = this.draw();
    const loadOfFirst = active[first]! + elsewhere[first]!;
    const loadOfSecond = active[second]! + elsewhere[second]!;
    // load / weight compared crosswise: no division, and exact (the factors stay below 2^32 and 2^20).
    return loadOfSecond * weight[first]! < loadOfFirst * weight[second]! ? second : first;
  }
}
