import { isatty } from "node:tty";
import type { Log } from "./log.ts";

/** What is called on a signal that asks to stop, with how many of them came before it. */
type OnStop = (signal: NodeJS.Signals, before: number) => void;

/** The signals that ask to stop: SIGTERM, SIGINT, and SIGBREAK on Windows. Gives what a further one is to call. */
export function onStopSignals(handle: OnStop): (signal: NodeJS.Signals) => void {
  const names: NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
  if (process.platform === "win32") names.push("SIGBREAK");
  let before = 0;
  const stop = (name: NodeJS.Signals) => handle(name, before++);
  for (const name of names) process.on(name, () => stop(name)); // older Denos do not say which it was
  return stop;
}

/** SIGHUP, which many send to have options read again. On Windows it is the closing of the console window, which cannot be refused. */
export function onHangup(handle: () => void): void {
  if (process.platform !== "win32") process.on("SIGHUP", handle);
}

/**
 * As onStopSignals(), and SIGHUP asks to stop if the terminal that the program was started on is gone; otherwise it is ignored. `nohup`
 * leaves a program no terminal, so that it goes on.
 */
export function onStopSignalsAndHangup(handle: OnStop, log: Log): void {
  const stop = onStopSignals(handle);
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  onHangup(() => {
    // A terminal that was hung up is no longer recognised as one.
    if (terminals.some((fd) => !isatty(fd))) stop("SIGHUP");
    else log.info("SIGHUP: ignored, because options are read only at the start", { signal: "SIGHUP" });
  });
}

/** SIGUSR1, at which `deno run` also opens its debugger (compiled programs do not), and SIGUSR2. Windows has neither. */
export function onUserSignals(first: () => void, second: () => void): void {
  if (process.platform === "win32") return;
  process.on("SIGUSR1", first);
  process.on("SIGUSR2", second);
}
