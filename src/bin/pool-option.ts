import { text } from "../config/kinds.ts";
import { optional } from "../config/option.ts";

/** For commands: of one pool alone. */
export const poolOption = optional({
  kind: text("POOL", "the name of a pool"),
  doc: "Of this pool alone.",
  places: ["flag"],
});
