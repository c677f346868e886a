/**
 * `make bench-latency`: ten servers, one of which takes ten times as long, behind Harmony with `algorithm = "latency"` and behind HAProxy
 * with `balance leastconn`, in turns, on a machine that does nothing else. Prints what half and what 99 of 100 clients waited at most,
 * how many got the slow server, and how many the fast one that got least. ROUNDS (3), SECONDS (20) of each, RATE (200 a second).
 */
import { writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { removeFolders, temporaryFolder } from "../../test/support/folder.ts";
import { freePorts } from "../../test/support/ports.ts";
import { Process } from "../faults/processes.ts";
import { delay } from "../faults/traffic.ts";
import { root } from "../runtimes.ts";
import { requireTools } from "./tools.ts";

const SERVERS = 10;
const SLOW = SERVERS - 1;
/** ms */
const ANSWER_MS = 10;
const SLOW_TIMES = 10;
/** Before what is measured: what a balancer learns from traffic it has learned then. */
const WARM_UP = 1_000;
/** ms after which a client gives up; that counts as its time. */
const PATIENCE_MS = 10_000;
const [ROUNDS, SECONDS, RATE] = ["ROUNDS", "SECONDS", "RATE"].map((name, i) =>
  Number(process.env[name] || [3, 20, 200][i]),
);

interface Answer {
  readonly ms: number;
  /** Which server; null: none. */
  readonly by: number | null;
}

requireTools({ haproxy: "haproxy", "dist/harmony-balancer": "make build" });
const servers = await Promise.all(Array.from({ length: SERVERS }, (_, i) => serve(i)));
const places = servers.map((server) => `127.0.0.1:${(server.address() as { port: number }).port}`);
const folder = temporaryFolder("slow-one");
const SUBJECTS = [
  { title: "Harmony, latency", start: startHarmony },
  { title: "HAProxy, leastconn", start: startHaproxy },
];
const found = new Map<string, Answer[]>(SUBJECTS.map(({ title }) => [title, []]));
for (let round = 1; round <= ROUNDS!; round++) {
  for (const { title, start } of SUBJECTS) {
    const [port] = await freePorts(1);
    const balancer = await start(port!);
    await delay(1_000); // HAProxy says nothing when it listens
    await ask(port!, WARM_UP);
    const answers = await ask(port!, SECONDS! * RATE!);
    await balancer.end();
    found.get(title)!.push(...answers);
    console.log(`round ${round}: ${text(title, answers)}`);
  }
}
console.log("\nall rounds:");
for (const [title, answers] of found) console.log(text(title, answers));
for (const server of servers) server.close();
removeFolders();

/** Answers with its number at what the client says. Its time is drawn: requests differ. */
function serve(number: number): Promise<Server> {
  const mean = number === SLOW ? ANSWER_MS * SLOW_TIMES : ANSWER_MS;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => setTimeout(() => socket.end(String(number)), -mean * Math.log(1 - Math.random())));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

async function startHarmony(port: number): Promise<Process> {
  const file = join(folder, "harmony.toml");
  const listed = places.map((place) => JSON.stringify(place)).join(", ");
  writeFileSync(
    file,
    `[pool.main]\nlisten = ["127.0.0.1:${port}"]\nalgorithm = "latency"\npersistent = "off"\ntargets = [${listed}]\n`,
  );
  const quiet = {
    HARMONY_STATE: "off",
    HARMONY_API: "off",
    HARMONY_ADMIN: "127.0.0.1:0",
    HARMONY_KEY: "bench:a-key-for-this-run",
  };
  const balancer = new Process([join(root, "dist/harmony-balancer"), "--config", file], quiet);
  await balancer.says(/listening/);
  return balancer;
}

async function startHaproxy(port: number): Promise<Process> {
  const file = join(folder, "haproxy.cfg");
  const lines = places.map((place, i) => `  server s${i} ${place}`).join("\n");
  writeFileSync(
    file,
    `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\nlisten main\n  bind 127.0.0.1:${port}\n  balance leastconn\n${lines}\n`,
  );
  return new Process([process.env.HAPROXY || "haproxy", "-db", "-f", file]);
}

/** One connection after the other at RATE, whatever becomes of those before. */
async function ask(port: number, count: number): Promise<Answer[]> {
  const start = performance.now();
  const answers: Promise<Answer>[] = [];
  for (let n = 0; n < count; n++) {
    const wait = start + (n * 1000) / RATE! - performance.now();
    if (wait > 0) await delay(wait);
    answers.push(askOnce(port));
  }
  return Promise.all(answers);
}

function askOnce(port: number): Promise<Answer> {
  const at = performance.now();
  return new Promise((resolve) => {
    let said = "";
    const socket = connect(port, "127.0.0.1", () => socket.write("?"));
    const done = () => {
      clearTimeout(late);
      socket.destroy();
      resolve({ ms: performance.now() - at, by: said === "" ? null : Number(said) });
    };
    const late = setTimeout(done, PATIENCE_MS);
    socket.setEncoding("utf8").on("data", (data) => {
      said += data;
    });
    socket.on("end", done).on("error", done);
  });
}

function text(title: string, answers: readonly Answer[]): string {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!.toFixed(1);
  const got = Array.from({ length: SERVERS }, (_, i) => answers.filter(({ by }) => by === i).length);
  const failed = answers.filter(({ by }) => by === null).length;
  return `${title}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, of ${answers.length}; the slow one got ${got[SLOW]}, each fast one ${Math.min(...got.slice(0, SLOW))} or more, ${failed} failed`;
}
