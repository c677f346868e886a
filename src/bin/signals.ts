/**
 * Asks to stop: SIGTERM, SIGINT, and where they exist SIGHUP (the terminal is gone) and SIGBREAK (Windows). `handle` gets
 * the signal and how many came before it.
 */
export function onStopSignals(handle: (signal: NodeJS.Signals, before: number) => void): void {
  const names: NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
  names.push(process.platform === "win32" ? "SIGBREAK" : "SIGHUP");
  let before = 0;
  for (const name of names) process.on(name, () => handle(name, before++));
}

/**
 * SIGUSR1, and SIGUSR2 for `deno run`, which besides opens its debugger on a SIGUSR1 (compiled programs do not). Windows
 * has no such signals, and nothing to send them with.
 */
export function onUserSignal(handle: () => void): void {
  if (process.platform === "win32") return;
  process.on("SIGUSR1", handle);
  process.on("SIGUSR2", handle);
}
