/**
 * Who has its sockets from the runtime does not set them: runtimes let a program choose next to nothing of it, and each something else.
 * Whoever wants it needs the linux engine without TLS, and is told so rather than served by sockets that are not as they should be.
 */
import { NetError } from "./net-error.ts";
import { type ListenSocketOptions, setOptions, type TargetSocketOptions } from "./socket-options.ts";

type Wanted = ListenSocketOptions | TargetSocketOptions | undefined;

/** Null: nothing is wanted that they lack. */
export function lackingOptions(wanted: readonly Wanted[]): string | null {
  const names = new Set(wanted.flatMap((options = {}) => setOptions(options)));
  return names.size === 0 ? null : `sockets are as the runtime makes them, without ${[...names].join(", ")}`;
}

/** Throws a NetError if something is. `where`: who has such sockets. */
export function refuseOptions(where: string, wanted: Wanted): void {
  const reason = lackingOptions([wanted]);
  if (reason !== null) throw new NetError("EINVAL", `${where}: ${reason}`);
}
