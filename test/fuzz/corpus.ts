/** What the fuzzer draws, and what must be true of everything that it has drawn. */
import assert from "node:assert/strict";
import { codeOf, HarmonyError } from "../../src/util/errors.ts";
import fc from "../support/draws.ts";

export interface Corpus {
  readonly name: string;
  /** How many inputs have been looked at. */
  readonly inputs: () => number;
  readonly property: fc.IRawProperty<unknown>;
}

/** `test` returns how many inputs the value was, if not one, and throws where something is wrong. */
export function corpus<T>(name: string, values: fc.Arbitrary<T>, test: (value: T) => number | undefined): Corpus {
  let inputs = 0;
  const property = fc.property(values, (value) => {
    const started = performance.now();
    inputs += test(value) ?? 1;
    assertQuick(started);
  });
  return { name, inputs: () => inputs, property };
}

/** The same with a test that takes turns of the event loop. */
export function asyncCorpus<T>(name: string, values: fc.Arbitrary<T>, test: (value: T) => Promise<number>): Corpus {
  let inputs = 0;
  const property = fc.asyncProperty(values, async (value) => {
    inputs += await test(value);
  });
  return { name, inputs: () => inputs, property };
}

/** ms. No input may take long: everybody else waits in the meantime. Far more than any takes, since machines are busy. */
const SLOW_MS = 5_000;

function assertQuick(started: number): void {
  const ms = performance.now() - started;
  assert.ok(ms < SLOW_MS, `it took ${Math.round(ms)} ms`);
}

/** The result, or null where it throws a HarmonyError with one of these codes. Its message is one printable line. */
export function refusedWith<T>(codes: readonly string[], run: () => T): { value: T } | HarmonyError {
  try {
    return { value: run() };
  } catch (error) {
    assertRefusal(error, codes);
    return error as HarmonyError;
  }
}

export function assertRefusal(error: unknown, codes: readonly string[]): asserts error is HarmonyError {
  if (!(error instanceof HarmonyError)) throw error;
  assert.ok(codes.includes(codeOf(error) ?? ""), `refused with ${error.code}: ${error.message}`);
  assert.doesNotMatch(error.message, /[\p{Cc}\p{Zl}\p{Zp}]/u, "a message is one line that moves no cursor");
}

/** Nothing of the secret that could help to guess it. `said` may name what an id says, which a colon in a secret makes part of it. */
export function assertKeepsSecret(said: string, secret: string): void {
  const shown = said.replace(/"[^"]*"/g, "");
  for (let at = 0; at + PIECE <= secret.length; at += 1) {
    assert.ok(!shown.includes(secret.slice(at, at + PIECE)), `it shows a part of the secret: ${said}`);
  }
}
const PIECE = 6;
