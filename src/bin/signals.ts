import { isatty } from "node:tty";
import type { Log } from "./log.ts";

/**
 * The signals that ask to stop: SIGTERM, SIGINT, and SIGBREAK on Windows. `handle` gets the signal and how many came before
 * it. SIGHUP is ignored, because many send it to have options read again. With `hangup: "stops"` it asks to stop if the
 * terminal that the program was started on is gone. `nohup` leaves a program no terminal, so that it goes on.
 */
export function onStopSignals(
  handle: (signal: NodeJS.Signals, before: number) => void,
  { hangup }: { readonly hangup: "stops" | "ignored" },
  log: Log,
): void {
  const names: NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
  if (process.platform === "win32") names.push("SIGBREAK");
  let before = 0;
  for (const name of names) process.on(name, () => handle(name, before++));
  if (process.platform === "win32") return; // there SIGHUP is the closing of the console window, which cannot be refused
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.on("SIGHUP", () => {
    // A terminal that was hung up is no longer recognised as one.
    const gone = terminals.some((fd) => !isatty(fd));
    if (gone && hangup === "stops") handle("SIGHUP", before++);
    else log.info("SIGHUP: ignored, because options are read only at the start", { signal: "SIGHUP" });
  });
}

/**
 * SIGUSR1, and SIGUSR2 for `deno run`, which also opens its debugger on SIGUSR1 (compiled programs do not). Windows has
 * neither.
 */
export function onUserSignal(handle: () => void): void {
  if (process.platform === "win32") return;
  process.on("SIGUSR1", handle);
  process.on("SIGUSR2", handle);
}
