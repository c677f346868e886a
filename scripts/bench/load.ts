/** The clients: wrk, h2load and iperf3 as child processes, each bounded in time; and idle connections held by this process. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Finished requests; `errors` counts what failed in any way. */
export interface Outcome {
  readonly requests: number;
  readonly errors: number;
}

export async function wrk(port: number, seconds: number, close: boolean): Promise<Outcome> {
  const [program, ...args] = wrkCommand(port, seconds, close);
  return readWrk((await run(program, args)).stdout);
}

/** wrk with 16 connections; `close` makes every request a connection of its own. */
export function wrkCommand(port: number, seconds: number, close: boolean): [program: string, ...args: string[]] {
  const header = close ? ["-H", "Connection: close"] : [];
  return ["wrk", "-t1", "-c16", `-d${seconds}s`, ...header, `http://127.0.0.1:${port}/`];
}

/** What wrk says at its end. */
export function readWrk(stdout: string): Outcome {
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const status = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const errors = (socket?.slice(1) ?? []).reduce((sum, text) => sum + Number(text), status);
  return { requests, errors };
}

export type Direction = "up" | "down";

/**
 * `bytes` over `streams` connections at once, from the client to the target ("up") or back, by iperf3. Returns how many arrived:
 * some more, since iperf3 looks at the clock rather than at the count.
 */
export async function bulk(port: number, streams: number, bytes: number, direction: Direction): Promise<number> {
  const reverse = direction === "down" ? ["--reverse"] : [];
  const sizes = ["--bytes", String(bytes), "--parallel", String(streams)];
  const { stdout } = await run("iperf3", ["-c", "127.0.0.1", "-p", String(port), "--json", ...sizes, ...reverse], {
    timeout: 120_000,
    maxBuffer: 1 << 26,
  });
  const { end } = JSON.parse(stdout) as { end: { sum_received: { bytes: number } } };
  return end.sum_received.bytes;
}

/** Downloads of what has no end within these seconds, over so many connections at once. */
export async function streams(port: number, count: number, seconds: number, path: string): Promise<void> {
  await run("wrk", ["-t1", `-c${count}`, `-d${seconds}s`, `http://127.0.0.1:${port}/${path}`]);
}

/** Latencies in microseconds, sorted, of a fixed rate over keep-alive connections. */
export async function fixedRate(
  port: number,
  perSecond: number,
  seconds: number,
  folder: string,
  clients = 20,
): Promise<number[]> {
  const log = join(folder, `latency-${port}.tsv`);
  rmSync(log, { force: true });
  await run(
    "h2load",
    [
      "--h1",
      "-t1",
      "-c",
      String(clients),
      "--rps",
      String(perSecond / clients),
      "-D",
      String(seconds),
      "--log-file",
      log,
      `http://127.0.0.1:${port}/`,
    ],
    { timeout: (seconds + 20) * 1000 },
  );
  return readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split("\t"))
    .filter((fields) => fields[1] === "200")
    .map((fields) => Number(fields[2]))
    .sort((x, y) => x - y);
}

/** Opens `count` connections that stay idle, after one answered request each or before they have said anything. */
export async function idle(port: number, count: number, used: boolean): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const WINDOW = 200; // opened at a time, well below any backlog
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(WINDOW, count - sockets.length) }, () => opened(port, used));
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

function opened(port: number, used: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    if (!used) {
      socket.once("connect", () => resolve(socket));
      return;
    }
    socket.once("data", () => {
      socket.pause();
      resolve(socket);
    });
    socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
  });
}
