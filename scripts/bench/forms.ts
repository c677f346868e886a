/** What is compared: HAProxy, nginx stream and every form of Harmony, each in front of the same nginx backend. */
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loader } from "../runtimes.ts";

export interface Form {
  readonly name: string;
  /** Why it cannot take part here; the table says so. */
  readonly missing?: string;
  readonly command: readonly string[];
  readonly env: Record<string, string>;
  readonly port: number;
  /** Where reporters announce the backend; only Harmony has one. */
  readonly adminPort?: number;
}

export const BACKEND_PORT = 18080;
export const BULK_FILE = 1 << 30; // bytes: one GiB, sparse, so that the backend's sendfile costs next to nothing

/** The big file that the backend has, if the folder is not to be packed up: sparse, its size is a GiB all the same. */
export function bulkFile(folder: string): void {
  mkdirSync(join(folder, "www"), { recursive: true });
  const big = openSync(join(folder, "www", "big"), "w");
  ftruncateSync(big, BULK_FILE);
  closeSync(big);
}

/** One worker, keep-alive without end, small answers and what is in `www`. */
export function backendConfig(folder: string): string {
  const path = join(folder, "backend.conf");
  writeFileSync(
    path,
    `daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid ${folder}/backend.pid; error_log ${folder}/backend.log;
events { worker_connections 19900; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 1h; client_header_timeout 1h;
  client_body_temp_path ${folder}/b1; proxy_temp_path ${folder}/b2; fastcgi_temp_path ${folder}/b3; uwsgi_temp_path ${folder}/b4; scgi_temp_path ${folder}/b5;
  server { listen 127.0.0.1:${BACKEND_PORT} backlog=4096; root ${folder}/www; location = / { return 200 "0123456789abcdef\\n"; } }
}
`,
  );
  return path;
}

/** Another HAProxy than the installed one: HAPROXY=path. */
export const HAPROXY = process.env.HAPROXY ?? "haproxy";

/** `splice`: in both directions, whatever the traffic looks like: what costs HAProxy least for bulk. */
function haproxy(folder: string, name: string, port: number, threads: number, splice: boolean): Form {
  const config = join(folder, `${name.replace(/\W+/g, "-")}.cfg`);
  writeFileSync(
    config,
    `global
  maxconn 9700
  maxpipes 100
  nbthread ${threads}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
${splice ? "  option splice-request\n  option splice-response\n" : ""}listen main
  bind 127.0.0.1:${port}
  balance leastconn
  server s1 127.0.0.1:${BACKEND_PORT}
`,
  );
  return { name, command: [HAPROXY, "-db", "-f", config], env: {}, port };
}

function nginx(folder: string, name: string, port: number, threads: number): Form {
  const config = join(folder, `${name.replace(/\W+/g, "-")}.conf`);
  const modules = "/usr/lib/nginx/modules/ngx_stream_module.so";
  writeFileSync(
    config,
    `${existsSync(modules) ? `load_module ${modules};\n` : ""}daemon off; worker_processes ${threads}; worker_rlimit_nofile 20000; pid ${folder}/stream-${port}.pid; error_log ${folder}/stream-${port}.log;
events { worker_connections 19900; }
stream { upstream b { least_conn; server 127.0.0.1:${BACKEND_PORT}; } server { listen 127.0.0.1:${port} backlog=4096; proxy_pass b; proxy_timeout 1h; } }
`,
  );
  return { name, command: ["nginx", "-e", `${folder}/stream-${port}.log`, "-c", config], env: {}, port };
}

function harmony(name: string, program: readonly string[], port: number, engine: readonly string[]): Form {
  const file = program.at(-1)!;
  const admin = port + 1000;
  return {
    name,
    ...(existsSync(file) ? {} : { missing: `${file} is not there: run \`make build\`` }),
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

/** The reporter of the same build as the balancer `form`, for the backend. */
export function reporterCommand({ command }: Form, adminPort: number): string[] {
  const parts = command.map((part) => part.replace("harmony-balancer", "harmony-reporter"));
  const program = parts.slice(0, parts.findIndex((part) => /harmony-reporter(\.ts)?$/.test(part)) + 1);
  return [...program, "--host", "127.0.0.1", "--admin-port", String(adminPort), "--port", String(BACKEND_PORT)];
}

const SOURCE = "src/bin/harmony-balancer.ts";
const node = [process.execPath, "--import", loader, SOURCE];
const bun = "dist/harmony-balancer";
const deno = "dist/deno/harmony-balancer";

/** One thread each, where threads would compare unequally. */
export function forms(folder: string): Form[] {
  const linux = ["--engine", "linux", "--threads", "1"];
  const portable = ["--engine", "portable"];
  return [
    haproxy(folder, "HAProxy", 19001, 1, false),
    haproxy(folder, "HAProxy, splice", 19002, 1, true),
    nginx(folder, "nginx stream", 19003, 1),
    harmony("Harmony linux, Bun", [bun], 19004, linux),
    harmony("Harmony linux, Deno", [deno], 19005, linux),
    harmony("Harmony portable, Bun", [bun], 19006, portable),
    harmony("Harmony portable, Deno", [deno], 19007, portable),
    harmony("Harmony portable, Node", node, 19008, portable),
  ];
}

/** The second table: the same work with one thread and with two. */
export function threadForms(folder: string): Form[] {
  return [1, 2].flatMap((threads) => {
    const port = 19100 + threads * 10;
    const linux = ["--engine", "linux", "--threads", String(threads)];
    const suffix = threads === 1 ? "1 thread" : "2 threads";
    return [
      haproxy(folder, `HAProxy, ${suffix}`, port + 1, threads, false),
      nginx(folder, `nginx stream, ${suffix}`, port + 2, threads),
      harmony(`Harmony linux, Bun, ${suffix}`, [bun], port + 3, linux),
      harmony(`Harmony linux, Deno, ${suffix}`, [deno], port + 4, linux),
    ];
  });
}
