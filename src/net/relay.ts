import { type NetError, toNetError } from "./net-error.ts";
import type { Connection, Progress, RelayEnd } from "./runtime.ts";

/**
 * The reference relay, over `read()` and `write()` alone: what each runtime's own relay must be equal to in all but cost.
 * One chunk per direction is under way, so a reader that stops stops its writer.
 */
export async function relay(a: Connection, b: Connection, progress: Progress): Promise<RelayEnd> {
  let first: "a" | "b" | undefined; // also: one direction has ended
  let error: NetError | undefined;

  const fail = (side: "a" | "b", reason: unknown): void => {
    first ??= side;
    if (error !== undefined) return; // the echo of the abort below
    error = toNetError(reason, "relaying");
    a.abort();
    b.abort();
  };

  /** Moves one direction until FIN or failure; the failure is the side's whose operation failed. */
  const pump = async (from: Connection, fromSide: "a" | "b", to: Connection, count: "aToB" | "bToA"): Promise<void> => {
    const toSide = fromSide === "a" ? "b" : "a";
    let acting: "a" | "b" = fromSide;
    try {
      for (;;) {
        acting = fromSide;
        const bytes = await from.read();
        acting = toSide;
        if (bytes === null) {
          if (first !== undefined) return; // the second FIN: the close() below sends it
          first = fromSide;
          return await to.closeWrite();
        }
        progress[count] += bytes.length;
        await to.write(bytes);
      }
    } catch (reason) {
      fail(acting, reason);
    }
  };

  await Promise.all([pump(a, "a", b, "aToB"), pump(b, "b", a, "bToA")]);
  await Promise.all([a.close(), b.close()]);
  const side = first ?? "a";
  return error === undefined ? { first: side } : { first: side, error };
}
