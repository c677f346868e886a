/**
 * To be imported before anything else: a signal that the balancer does not end at must not end it while it starts either, as the
 * system would unless the process handles it. What a signal asks for is done once `signals.ts` knows how.
 */
if (process.platform !== "win32") {
  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) process.on(signal, () => undefined);
}
