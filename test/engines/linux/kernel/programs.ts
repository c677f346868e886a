import type { Bench } from "./bench.ts";

/** Programs by what they show. */
export type Programs = Readonly<Record<string, (b: Bench) => void>>;
