/** Answers in JSON. A large one is made while it is sent, in slices, so that no client of the pools waits for it. */
import { SLICE_MS, turn } from "../../util/slices.ts";

const HEADERS = { "content-type": "application/json" };
/** Values (of lists and objects, at any depth) that are made JSON of at once: that takes a fraction of a millisecond. */
const AT_ONCE = 1_000;

export function jsonAnswer(value: unknown): Response {
  return new Response(isSmall(value) ? `${JSON.stringify(value)}\n` : inParts(value), { headers: HEADERS });
}

function isSmall(value: unknown): boolean {
  return leftOf(AT_ONCE, value) >= 0;
}

/** How many of `left` values are left after those of `value`; below 0 as soon as there are more. */
function leftOf(left: number, value: unknown): number {
  let rest = left - 1;
  if (typeof value !== "object" || value === null) return rest;
  const all: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  for (let i = 0; i < all.length && rest >= 0; i++) rest = leftOf(rest, all[i]);
  return rest;
}

function inParts(value: unknown): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const pieces = piecesOf(value);
  let isFirst = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!isFirst) await turn();
        isFirst = false;
        const until = performance.now() + SLICE_MS;
        let text = "";
        let piece = pieces.next();
        while (!piece.done) {
          text += piece.value;
          if (performance.now() >= until) break;
          piece = pieces.next();
        }
        controller.enqueue(encoder.encode(piece.done ? `${text}\n` : text));
        if (piece.done) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The JSON of a value that JSON.stringify would take, piece by piece. */
function* piecesOf(value: unknown): Generator<string> {
  if (isSmall(value)) yield JSON.stringify(value);
  else if (Array.isArray(value)) yield* enclosed("[]", value, (item: unknown) => ["", item]);
  else yield* enclosed("{}", entriesOf(value), ([name, each]) => [`${JSON.stringify(name)}:`, each]);
}

/** As JSON.stringify does, what is undefined is left out. */
function entriesOf(value: unknown): [string, unknown][] {
  return Object.entries(value as object).filter(([, each]) => each !== undefined);
}

function* enclosed<T>(
  [open, close]: string,
  items: readonly T[],
  parts: (item: T) => [before: string, value: unknown],
): Generator<string> {
  let before = open!;
  for (const item of items) {
    const [name, value] = parts(item);
    yield before + name;
    yield* piecesOf(value);
    before = ",";
  }
  yield close!;
}
