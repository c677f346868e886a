/** How each event of a balancer is told: in the log of its program, and among the recent events that the API shows. */
import { info, type Line, type Words, warning } from "../../telemetry/line.ts";
import { messageOf } from "../../util/errors.ts";
import type { BalancerEvents } from "../events.ts";
import { groupWords } from "./group-words.ts";
import { reloadWords } from "./reload-words.ts";
import { removalWords } from "./removal-words.ts";
import { reporterWords } from "./reporter-words.ts";
import { startWords, type Told } from "./start-words.ts";
import { targetWords } from "./target-words.ts";

/**
 * All events have words but a connection's end, of which there are too many (the access log has a line for each), the beginning of a
 * reload, of which the end tells, and those of a start that has failed and of a stop, after which nobody asks.
 */
type Worded = Omit<BalancerEvents, "connectionClose" | "reloading" | "error" | "close">;

/** What keys there were is remembered from one call to the next, so that each listener has words of its own. */
export function wordsOf(balancer: Told): Words<Worded> {
  return {
    ...startWords(balancer),
    ...reporterWords(),
    ...targetWords(balancer),
    ...removalWords,
    ...groupWords,
    ...reloadWords,
    logLevel: (ordered, by) => info(logLevelText(ordered, by), { level: ordered, by }),
    clientsRefused: (text, facts) => warning(text, { ...facts }),
    unavailable: (text, facts) => warning(text, { ...facts }),
    warning: (text, cause) => warning(text, cause === undefined ? {} : { cause: messageOf(cause) }),
  };
}

function logLevelText(ordered: string | null, by: string): string {
  return ordered === null
    ? `${by} has taken back the level of the log`
    : `${by} has ordered the log's level ${ordered}`;
}

/** The lines of an event; none where it has no words. */
export function linesOf(words: Words<Worded>, name: string, args: readonly unknown[]): readonly Line[] {
  const told = (words as Readonly<Record<string, (...args: readonly unknown[]) => Line | readonly Line[]>>)[name];
  return told === undefined ? [] : [told(...args)].flat();
}
