import { toNetError } from "./net-error.ts";
import type { Connection, Progress, RelayEnd } from "./runtime.ts";

/**
 * The reference relay, over `read()` and `write()` alone: what each runtime's own relay must be equal to in all but cost.
 * One chunk per direction is under way, so a reader that stops stops its writer.
 */
export function relay(a: Connection, b: Connection, progress: Progress): Promise<RelayEnd> {
  return new Promise((resolve) => {
    let first: "a" | "b" | undefined; // also: one direction has ended
    let failed = false;

    const fail = (side: "a" | "b", reason: unknown): void => {
      first ??= side;
      if (failed) return;
      failed = true;
      (side === "a" ? a : b).abort();
      resolve({ first, failure: { side, error: toNetError(reason, "relaying") } });
    };

    /** Moves one direction until FIN or failure; the failure is the side's whose operation failed. */
    const pump = async (
      from: Connection,
      fromSide: "a" | "b",
      to: Connection,
      count: "aToB" | "bToA",
    ): Promise<void> => {
      const toSide = fromSide === "a" ? "b" : "a";
      let acting: "a" | "b" = fromSide;
      try {
        for (;;) {
          acting = fromSide;
          const bytes = await from.read();
          if (failed) return;
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

    const finish = async (): Promise<void> => {
      await Promise.all([pump(a, "a", b, "aToB"), pump(b, "b", a, "bToA")]);
      if (failed) return;
      await Promise.all([a.close(), b.close()]);
      resolve({ first: first ?? "a" });
    };
    void finish(); // rejects no more than its parts do
  });
}
