/** What is compared: HAProxy, nginx stream and every form of Harmony, in front of the same backend. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Form {
  readonly name: string;
  /** What Harmony is compared with. */
  readonly rival?: true;
  /** Why it cannot take part here; the table says so. */
  readonly missing?: string;
  readonly command: readonly string[];
  readonly env: Record<string, string>;
  readonly port: number;
  /** Where reporters announce the backend; only Harmony has one. */
  readonly adminPort?: number;
}

/** nginx with a small answer, and a file of any size. */
export const BACKEND_PORT = 18080;
/** iperf3, for much in one direction. */
export const BULK_PORT = 18081;

/** The file's name; nobody needs it but the measure that makes it. */
export const MUCH = "much";

/** One worker, keep-alive without end, small answers. */
export function backendConfig(folder: string): string {
  const path = join(folder, "backend.conf");
  writeFileSync(
    path,
    `daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid ${folder}/backend.pid; error_log ${folder}/backend.log;
events { worker_connections 19900; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_header_timeout 1h;
  client_body_temp_path ${folder}/b1; proxy_temp_path ${folder}/b2; fastcgi_temp_path ${folder}/b3; uwsgi_temp_path ${folder}/b4; scgi_temp_path ${folder}/b5;
  server { listen 127.0.0.1:${BACKEND_PORT} backlog=4096; location = / { return 200 "0123456789abcdef\n"; }
    location = /${MUCH} { root ${folder}; sendfile on; } }
}
`,
  );
  return path;
}

/** Where a rival runs and what it has before it. Its configuration is the best that is known for the purpose. */
interface Place {
  readonly folder: string;
  readonly port: number;
  readonly threads: number;
  readonly purpose: Purpose;
}

/** Small answers, much in one direction, or the one beside the other. */
export type Purpose = "small" | "bulk" | "mixed";
const FIRST_PORT: Readonly<Record<Purpose, number>> = { small: 19_001, bulk: 19_201, mixed: 19_301 };

const backendOf = ({ purpose }: Place): number => (purpose === "bulk" ? BULK_PORT : BACKEND_PORT);

interface Haproxy {
  readonly program: string;
  readonly name: string;
}

/** Debian's, and the one that HAPROXY names. */
function haproxies(): Haproxy[] {
  const other = process.env.HAPROXY;
  return [
    { program: "haproxy", name: `HAProxy ${versionOf("haproxy")}` },
    ...(other ? [{ program: other, name: `HAProxy ${versionOf(other)}, ${other}` }] : []),
  ];
}

/** "" if it does not run. */
function versionOf(program: string): string {
  const { stdout, stderr, error } = spawnSync(program, ["-v"], { encoding: "utf8" });
  return error ? "" : (/(\d+\.\d+(\.\d+)?)/.exec(stdout + stderr)?.[1] ?? "");
}

/**
 * For much to move: `splice-request` and `splice-response` splice whatever comes, where `splice-auto` first waits for what looks
 * like a stream, and its pipes are as large as Harmony's. For little: splicing would only cost.
 */
const SPLICE = "  option splice-request\n  option splice-response\n";

function haproxy({ program, name }: Haproxy, place: Place): Form {
  const { folder, port, threads, purpose } = place;
  const config = join(folder, `haproxy-${port}.cfg`);
  writeFileSync(
    config,
    `global
${purpose !== "small" ? "  maxconn 1000\n  maxpipes 1000\n  tune.pipesize 1048576" : "  maxconn 9700"}
  nbthread ${threads}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
${purpose !== "small" ? SPLICE : ""}listen main
  bind 127.0.0.1:${port}
  balance leastconn
  server s1 127.0.0.1:${backendOf(place)}
`,
  );
  return {
    name,
    rival: true,
    ...(versionOf(program) === "" && { missing: `${program} does not run` }),
    command: [program, "-db", "-f", config],
    env: {},
    port,
  };
}

/** nginx does not splice: for much to move its buffers are large. Several workers have a listener each. */
function nginx(place: Place): Form {
  const { folder, port, threads, purpose } = place;
  const config = join(folder, `nginx-${port}.conf`);
  const modules = "/usr/lib/nginx/modules/ngx_stream_module.so";
  writeFileSync(
    config,
    `${existsSync(modules) ? `load_module ${modules};\n` : ""}daemon off; worker_processes ${threads}; worker_rlimit_nofile 20000; pid ${folder}/stream-${port}.pid; error_log ${folder}/stream-${port}.log;
events { worker_connections 19900; }
stream {
  ${purpose !== "small" ? "proxy_buffer_size 256k; " : ""}proxy_timeout 1h;
  upstream b { least_conn; server 127.0.0.1:${backendOf(place)}; }
  server { listen 127.0.0.1:${port} backlog=4096${threads > 1 ? " reuseport" : ""}; proxy_pass b; }
}
`,
  );
  return {
    name: `nginx stream ${versionOf("nginx")}`,
    rival: true,
    command: ["nginx", "-e", `${folder}/stream-${port}.log`, "-c", config],
    env: {},
    port,
  };
}

function harmony(name: string, program: readonly string[], port: number, engine: readonly string[]): Form {
  const file = program.at(-1)!;
  const admin = port + 1000;
  return {
    name,
    ...(existsSync(file) ? {} : { missing: `${file} is not there: run \`make build pack\`` }),
    command: [
      ...program,
      "--listen",
      `127.0.0.1:${port}`,
      "--admin",
      `127.0.0.1:${admin}`,
      ...engine,
      "--log-level",
      "warning",
    ],
    env: { HARMONY_KEY: "bench:a-key-for-the-benchmark-alone" },
    port,
    adminPort: admin,
  };
}

/** The reporter of the same build as the balancer `form`, for the server at `port`. */
export function reporterCommand({ command }: Form, adminPort: number, port: number): string[] {
  const parts = command.map((part) => part.replace("harmony-balancer", "harmony-reporter"));
  const program = parts.slice(0, parts.findIndex((part) => /harmony-reporter(\.js)?$/.test(part)) + 1);
  return [...program, "--host", "127.0.0.1", "--admin-port", String(adminPort), "--port", String(port)];
}

const node = [process.execPath, "dist/npm/lib/bin/harmony-balancer.js"];
const bun = "dist/harmony-balancer";
const deno = "dist/deno/harmony-balancer";

/** One thread each, where threads would compare unequally. */
export function forms(folder: string, purpose: Purpose = "small"): Form[] {
  const first = FIRST_PORT[purpose];
  const place = (port: number): Place => ({ folder, port, threads: 1, purpose });
  const linux = ["--engine", "linux", "--threads", "1"];
  const portable = ["--engine", "portable"];
  return [
    ...haproxies().map((one, index) => haproxy(one, place(first + index))),
    nginx(place(first + 2)),
    harmony("Harmony linux, Bun", [bun], first + 3, linux),
    harmony("Harmony linux, Deno", [deno], first + 4, linux),
    harmony("Harmony portable, Bun", [bun], first + 5, portable),
    harmony("Harmony portable, Deno", [deno], first + 6, portable),
    harmony("Harmony portable, Node", node, first + 7, portable),
  ];
}

/** The second table: the same work with one thread and with two. */
export function threadForms(folder: string): Form[] {
  return [1, 2].flatMap((threads) => {
    const first = 19_100 + threads * 10;
    const place = (port: number): Place => ({ folder, port, threads, purpose: "small" });
    const linux = ["--engine", "linux", "--threads", String(threads)];
    const named = (form: Form): Form => ({
      ...form,
      name: `${form.name}, ${threads === 1 ? "1 thread" : "2 threads"}`,
    });
    return [
      ...haproxies().map((one, index) => haproxy(one, place(first + index))),
      nginx(place(first + 2)),
      harmony("Harmony linux, Bun", [bun], first + 3, linux),
      harmony("Harmony linux, Deno", [deno], first + 4, linux),
    ].map(named);
  });
}
