/** What is told of an event, in the log and in the list of recent events alike. */

export interface Line {
  readonly level: "info" | "warning" | "error";
  /** For people: the whole of it. */
  readonly text: string;
  /** The same facts for programs. `pool` and `target` are names, wherever they occur. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** For each event how it is told, in a line or in several; none: it is not worth one. */
export type Words<E> = {
  readonly [K in keyof E]: (...args: Extract<E[K], unknown[]>) => Line | readonly Line[];
};

type Facts = Line["facts"];

export const info = (text: string, facts: Facts = {}): Line => ({ level: "info", text, facts });
export const warning = (text: string, facts: Facts = {}): Line => ({ level: "warning", text, facts });
export const error = (text: string, facts: Facts = {}): Line => ({ level: "error", text, facts });
