/** Ending many connections of those that are open, in slices: see util/slices.ts. */
import type { OpenConnection } from "../proxy/open.ts";
import type { RemovalCause } from "../proxy/outcome.ts";
import { inSlices } from "../util/slices.ts";
import type { Engine } from "./engine.ts";

/** Of an order to the engine's threads: its cost is hardly seen, and others have their turn between two of them. */
const AT_ONCE = 64;

/** Takes those that are `wanted` off their targets, as Engine.end() does; gives how many they were. */
export async function endAll(
  engine: Pick<Engine, "connections" | "end">,
  wanted: (connection: OpenConnection) => boolean,
  cause: RemovalCause,
): Promise<number> {
  const ids: string[] = [];
  await inSlices(engine.connections(), (connection) => {
    if (wanted(connection)) ids.push(connection.id);
  });
  let count = 0;
  await inSlices(batchesOf(ids), (batch) => {
    count += engine.end(batch, cause);
  });
  return count;
}

function* batchesOf(ids: readonly string[]): Generator<string[]> {
  for (let at = 0; at < ids.length; at += AT_ONCE) yield ids.slice(at, at + AT_ONCE);
}
