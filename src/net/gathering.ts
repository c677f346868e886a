/** Reads from peers who may send single bytes: each piece is work for its reader, and a flood of them would take a core. */
import { type Clock, pass } from "../util/clock.ts";
import type { Connection } from "./runtime.ts";

/** Pieces that are given as they come: an answer has a few. */
const MOST_PIECES = 16;
/** ms for which the following ones gather. */
const GATHER_MS = 10;

/** Reads as `connection.read()` does, and not so often once it has given many pieces. */
export function gathering(connection: Pick<Connection, "read">, clock: Clock): Connection["read"] {
  let pieces = 0;
  return async () => {
    if (pieces >= MOST_PIECES) await pass(clock, GATHER_MS);
    pieces += 1;
    return connection.read();
  };
}
