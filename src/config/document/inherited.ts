/** Sockets that a service manager has opened for this process: what their names stand for (sd_listen_fds_with_names(3)). */

/** LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are read. */
export type ListenEnvironment = Readonly<Record<string, string | undefined>>;

/** Inherited descriptors begin here. */
const FIRST_FD = 3;

/** The descriptors called `name`, of which there may be several, or why there are none. */
export function descriptorsNamed(
  name: string,
  environment: ListenEnvironment,
  pid: number,
): readonly number[] | { readonly why: string } {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" } = environment;
  const count = Number(LISTEN_FDS);
  if (!LISTEN_FDS || !Number.isInteger(count) || count < 1)
    return { why: "this process has inherited none (LISTEN_FDS)" };
  if (LISTEN_PID !== String(pid))
    return { why: `those of LISTEN_FDS are another process's (LISTEN_PID=${LISTEN_PID ?? ""})` };
  const names = LISTEN_FDNAMES.split(":").slice(0, count);
  const found = names.flatMap((each, index) => (each === name ? [FIRST_FD + index] : []));
  return found.length > 0
    ? found
    : { why: `inherited are ${names.filter(Boolean).join(", ") || "some without names"} (LISTEN_FDNAMES)` };
}
