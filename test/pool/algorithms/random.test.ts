import { describe } from "node:test";
import { sharesByWeight } from "./shares.ts";

describe("power of two random choices", () => {
  sharesByWeight("random", "released");
  sharesByWeight("random", "kept");
});
