/** Why a target is suspect: connecting to it failed, or what its connections have shown. */
import { codeOfNumber, type NetCode, numberOf } from "../util/net-codes.ts";

/** In words that follow the name of the target. */
const OBSERVED = {
  silent: "it answers nobody: clients have asked and wait far longer than it used to take",
  "early-end": "it ended connections before it had given them a byte",
  slow: "its first bytes came late",
  "silent-reporter":
    "its reporter is silent, and it sends its clients nothing either: its machine hangs, or is cut off",
} as const;

/** What is seen of a target that can be connected to: that alone does not lift it, but an answer does. */
export type Observation = keyof typeof OBSERVED;

/** A NetCode: connecting to it failed. */
export type Suspicion = NetCode | Observation;

/** In the order of their numbers. */
export const OBSERVATIONS = Object.keys(OBSERVED) as Observation[];

export function isObserved(suspicion: Suspicion | null): suspicion is Observation {
  return suspicion !== null && Object.hasOwn(OBSERVED, suspicion);
}

/** Whether it answers nobody, as far as that can be seen. */
export function isSilence(suspicion: Suspicion | null): boolean {
  return suspicion === "silent" || suspicion === "silent-reporter";
}

/** For people: part of a sentence. */
export function observationText(observation: Observation): string {
  return OBSERVED[observation];
}

/** Numbers of observations in shared memory, above those of NetCodes. */
const FIRST_OBSERVED = 0x100;

export function numberOfSuspicion(suspicion: Suspicion | null): number {
  if (!isObserved(suspicion)) return numberOf(suspicion);
  return FIRST_OBSERVED + OBSERVATIONS.indexOf(suspicion);
}

export function suspicionOfNumber(number: number): Suspicion | null {
  return isObservedNumber(number) ? OBSERVATIONS[number - FIRST_OBSERVED]! : codeOfNumber(number);
}

export function isObservedNumber(number: number): boolean {
  return number >= FIRST_OBSERVED;
}
