/** What is wrong with the text of a check, and kinds that tell it. */
import { textCodec } from "./kind.ts";

/** A problem, as a sentence that says what to do. */
export class CheckProblem extends Error {}

/** How a kind is written whose values are `off` and what `parse`, which throws CheckProblem, makes of other texts. */
export function orOff<T>(parse: (text: string) => T, format: (value: T) => string) {
  const read = (text: string): T | "off" | CheckProblem => {
    try {
      return text === "off" ? "off" : parse(text);
    } catch (error) {
      if (error instanceof CheckProblem) return error;
      throw error;
    }
  };
  return {
    why(text: string): string | null {
      const value = read(text);
      return value instanceof CheckProblem ? value.message : null;
    },
    codec: textCodec<T | "off">(
      (text) => {
        const value = read(text);
        return value instanceof CheckProblem ? undefined : value;
      },
      (value) => (value === "off" ? "off" : format(value as T)),
    ),
  };
}
