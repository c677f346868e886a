/** Changes to something valid: what is drawn from nothing is refused at its first character, and never gets to the rest. */
import fc from "../support/draws.ts";

type Edit =
  | { readonly do: "flip"; readonly at: number; readonly bits: number }
  | { readonly do: "insert"; readonly at: number; readonly text: string }
  | { readonly do: "remove"; readonly at: number; readonly length: number }
  | { readonly do: "repeat"; readonly at: number; readonly length: number; readonly times: number }
  | { readonly do: "move"; readonly at: number; readonly length: number; readonly to: number }
  | { readonly do: "cut"; readonly at: number };

/** Characters from 0 to 255, so that a text is bytes as well. */
const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 12,
});
/** A place in the text, as a share of its length. */
const place = fc.double({ min: 0, max: 1, noNaN: true });
const length = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 8 }) }, fc.integer({ min: 1, max: 200 }));

function editOf(dictionary: readonly string[]): fc.Arbitrary<Edit> {
  const known = dictionary.length === 0 ? anyText : fc.oneof(fc.constantFrom(...dictionary), anyText);
  return fc.oneof(
    fc.record({ do: fc.constant("flip" as const), at: place, bits: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ do: fc.constant("insert" as const), at: place, text: known }),
    fc.record({ do: fc.constant("remove" as const), at: place, length }),
    fc.record({ do: fc.constant("repeat" as const), at: place, length, times: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant("move" as const), at: place, length, to: place }),
    fc.record({ do: fc.constant("cut" as const), at: place }),
  );
}

function edited(text: string, edit: Edit): string {
  const at = Math.floor(edit.at * text.length);
  const [before, after] = [text.slice(0, at), text.slice(at)];
  if (edit.do === "insert") return before + edit.text + after;
  if (edit.do === "cut") return before;
  if (edit.do === "flip") {
    return after === "" ? before : before + String.fromCharCode(after.charCodeAt(0) ^ edit.bits) + after.slice(1);
  }
  const piece = after.slice(0, edit.length);
  const rest = after.slice(edit.length);
  if (edit.do === "remove") return before + rest;
  if (edit.do === "repeat") return before + piece.repeat(1 + edit.times) + rest;
  const others = before + rest;
  const to = Math.floor(edit.to * others.length);
  return others.slice(0, to) + piece + others.slice(to);
}

/** One of the `bases`, with none to six edits. `dictionary`: what means something there. */
export function mutated(bases: fc.Arbitrary<string>, dictionary: readonly string[] = []): fc.Arbitrary<string> {
  return fc
    .tuple(bases, fc.array(editOf(dictionary), { maxLength: 6 }))
    .map(([base, edits]) => edits.reduce(edited, base));
}

/** The same of one base that is known only when the test runs. */
export function mutation(dictionary: readonly string[] = []): fc.Arbitrary<(base: string) => string> {
  return fc.array(editOf(dictionary), { maxLength: 6 }).map((edits) => {
    const change = (base: string) => edits.reduce(edited, base);
    return Object.assign(change, { [fc.toStringMethod]: () => fc.stringify(edits) });
  });
}

/** A JSON object with fields taken out, or in their place something else. */
export function otherFields(object: Readonly<Record<string, unknown>>): fc.Arbitrary<Record<string, unknown>> {
  const names = fc.oneof(fc.constantFrom(...Object.keys(object)), fc.string({ maxLength: 5 }));
  const values = fc.oneof(
    fc.constant(undefined),
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(0, -1, 1.5, 65_535, 65_536, 1e21, Number.MAX_SAFE_INTEGER, "", "__proto__", null, true, [], {}),
    fc.constantFrom(...Object.values(object)),
  );
  return fc
    .array(fc.tuple(names, values), { maxLength: 3 })
    .map((changes) => ({ ...object, ...Object.fromEntries(changes) }));
}

export const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");
