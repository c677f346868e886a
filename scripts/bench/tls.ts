/**
 * `make bench-tls`: TLS of clients ended by Harmony, by HAProxy and by nginx, each with as many threads as there are processors: whole
 * handshakes per second, what one of them costs, and what a gigabyte costs. On a machine that does nothing else, which is client and target
 * as well. SECONDS=5 ROUNDS=3 GIGABYTES=2; with WRITE=1 the table goes into docs/guides/tls.md.
 */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { writeMeasured } from "./document.ts";
import { cpuMicros, type Running, start, stop, tree } from "./process.ts";
import { median } from "./report.ts";
import { requireTools } from "./tools.ts";

const SECONDS = Number(process.env.SECONDS ?? 5);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const GIGABYTES = Number(process.env.GIGABYTES ?? 2);
const THREADS = availableParallelism();
/** Clients at a time, for handshakes. */
const CLIENTS = 4 * THREADS;
const GIGABYTE = 1e9;
/** ms for a client beyond which its subject is broken. */
const PATIENCE_MS = 60_000;
const CHUNK = Buffer.alloc(256 * 1024);

const [SILENT, BULK] = [19_401, 19_402];
/** Of the subjects: each has two, one that leads to each target. */
const FIRST_PORT = 19_410;

interface Subject {
  readonly name: string;
  readonly port: number;
  readonly command: readonly string[];
}

interface Measured {
  readonly handshakes: number;
  /** ms of CPU */
  readonly perHandshake: number;
  /** s of CPU */
  readonly perGigabyte: number;
}

function harmony(folder: string, name: string, program: string, port: number): Subject[] {
  if (!existsSync(program)) return [];
  const file = join(folder, `${port}.toml`);
  const pool = (of: string, at: number, target: number) =>
    `[pool.${of}]\nlisten = ["127.0.0.1:${at}"]\ntargets = ["127.0.0.1:${target}"]\ntls = { cert = ["${folder}/cert.pem"], key = ["${folder}/key.pem"] }\npersistent = "off"\n`;
  writeFileSync(file, pool("silent", port, SILENT) + pool("bulk", port + 1, BULK));
  const places = ["--config", file, "--admin", "127.0.0.1:0", "--api", `unix:${folder}/${port}.sock`];
  return [{ name, port, command: [program, ...places] }];
}

function haproxy(folder: string, port: number): Subject {
  const file = join(folder, "haproxy.cfg");
  const listen = (at: number, target: number) =>
    `listen l${at}\n  bind 127.0.0.1:${at} ssl crt ${folder}/both.pem\n  server s 127.0.0.1:${target}\n`;
  const defaults = "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n";
  writeFileSync(file, `global\n  nbthread ${THREADS}\n${defaults}${listen(port, SILENT)}${listen(port + 1, BULK)}`);
  return { name: "HAProxy", port, command: ["haproxy", "-db", "-f", file] };
}

function nginx(folder: string, port: number): Subject {
  const file = join(folder, "nginx.conf");
  const modules = "/usr/lib/nginx/modules/ngx_stream_module.so";
  const server = (at: number, target: number) =>
    `server { listen 127.0.0.1:${at} ssl reuseport; ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem; proxy_pass 127.0.0.1:${target}; }`;
  const main = `daemon off; worker_processes ${THREADS}; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; events { worker_connections 4096; }`;
  const load = existsSync(modules) ? `load_module ${modules};\n` : "";
  writeFileSync(file, `${load}${main}\nstream { ${server(port, SILENT)} ${server(port + 1, BULK)} }\n`);
  return { name: "nginx", port, command: ["nginx", "-c", file, "-e", `${folder}/nginx.log`] };
}

function makeCertificate(folder: string): void {
  const place = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"];
  const { status, stderr } = spawnSync("openssl", ["req", "-x509", ...kind, "-days", "30", ...place], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  spawnSync("sh", ["-c", "cat cert.pem key.pem > both.pem"], { cwd: folder });
  for (const file of ["key.pem", "both.pem"]) chmodSync(join(folder, file), 0o600);
}

/** Whole handshakes that `CLIENTS` clients get, one after the other, in the time. */
async function handshakes(port: number): Promise<number> {
  const args = ["s_time", "-connect", `127.0.0.1:${port}`, "-new", "-time", String(SECONDS)];
  const counts = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const said = await output("openssl", args);
      return Number(/(\d+) connections in \d+ real seconds/.exec(said)?.[1] ?? 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Takes one gigabyte. */
async function takeGigabyte(port: number): Promise<void> {
  const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-quiet"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  let bytes = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await new Promise((resolve) => child.once("close", resolve));
  if (bytes < GIGABYTE) throw new Error(`only ${bytes} bytes came`);
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], timeout: PATIENCE_MS });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  await new Promise((resolve) => child.once("close", resolve));
  return said;
}

async function measure({ command, port }: Subject, folder: string): Promise<Measured> {
  const env = { HARMONY_KEY: "bench:a-key-for-the-benchmark-alone", HOME: folder, PATH: process.env.PATH ?? "" };
  const running: Running = await start(command, env, port);
  try {
    const cpu = () => cpuMicros(tree(running.child.pid!));
    await output("openssl", ["s_time", "-connect", `127.0.0.1:${port}`, "-new", "-time", "2"]); // warms up
    const before = cpu();
    const count = await handshakes(port);
    const between = cpu();
    for (let n = 0; n < GIGABYTES; n++) await takeGigabyte(port + 1);
    return {
      handshakes: count / SECONDS,
      perHandshake: (between - before) / count / 1e3,
      perGigabyte: (cpu() - between) / GIGABYTES / 1e6,
    };
  } finally {
    await stop(running);
  }
}

function row(name: string, rounds: readonly Measured[]): string {
  const of = (value: (each: Measured) => number, digits: number) => median(rounds.map(value)).toFixed(digits);
  const cells = [
    of((each) => each.handshakes, 0),
    `${of((each) => each.perHandshake, 2)} ms`,
    `${of((each) => each.perGigabyte, 2)} s`,
  ];
  return `| ${name} | ${cells.join(" | ")} |`;
}

async function targets(): Promise<Server[]> {
  const silent = createServer((socket) => void socket.on("error", () => undefined).resume());
  const bulk = createServer((socket) => {
    let left = GIGABYTE;
    const send = (): void => {
      while (left > 0) {
        left -= CHUNK.length;
        if (!socket.write(CHUNK)) return;
      }
      socket.end();
    };
    socket.on("error", () => undefined).on("drain", send);
    send();
  });
  await Promise.all([
    new Promise<void>((resolve) => silent.listen(SILENT, "127.0.0.1", 4096, resolve)),
    new Promise<void>((resolve) => bulk.listen(BULK, "127.0.0.1", 4096, resolve)),
  ]);
  return [silent, bulk];
}

async function main(): Promise<void> {
  requireTools({ haproxy: "haproxy", nginx: "nginx", openssl: "openssl" });
  const folder = mkdtempSync(join(tmpdir(), "harmony-tls-"));
  const servers = await targets();
  try {
    makeCertificate(folder);
    const subjects = [
      ...harmony(folder, "Harmony, Bun", "dist/harmony-balancer", FIRST_PORT),
      ...harmony(folder, "Harmony, Deno", "dist/deno/harmony-balancer", FIRST_PORT + 2),
      haproxy(folder, FIRST_PORT + 4),
      nginx(folder, FIRST_PORT + 6),
    ];
    const rounds = new Map<string, Measured[]>(subjects.map(({ name }) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of subjects) {
        const measured = await measure(subject, folder).catch((error: Error) => error);
        if (measured instanceof Error) console.error(`${subject.name}: ${measured.message}`);
        else rounds.get(subject.name)!.push(measured);
      }
    }
    const head = "| | handshakes/s | CPU per handshake | CPU per GB |\n| --- | --- | --- | --- |";
    const rows = [...rounds].filter(([, all]) => all.length > 0).map(([name, all]) => row(name, all));
    const table = [head, ...rows].join("\n");
    console.log(`${THREADS} processors, ${CLIENTS} clients, median of ${ROUNDS}\n\n${table}`);
    if (process.env.WRITE) writeMeasured("docs/guides/tls.md", "bench-tls", `${table}\n`);
  } finally {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  }
}

await main();
