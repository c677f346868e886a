/**
 * Asks to stop: SIGTERM, SIGINT, and SIGBREAK on Windows. `handle` gets the signal and how many came before it. SIGHUP is
 * left alone, since to handle it would undo `nohup`.
 */
export function onStopSignals(handle: (signal: NodeJS.Signals, before: number) => void): void {
  const names: NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
  if (process.platform === "win32") names.push("SIGBREAK");
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
