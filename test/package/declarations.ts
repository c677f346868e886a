/**
 * The declarations of the npm package as the compilers of its users read them: TypeScript 5.9, the last one written in
 * JavaScript, and 7, with and without Node's types, from a module and from CommonJS.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, it } from "node:test";
import { node, root } from "../../scripts/runtimes.ts";
import { run } from "../../scripts/test/process.ts";

const TIMEOUT_MS = 120_000;
const require = createRequire(import.meta.url);

/** What leans on nothing but the package. A wrong use has to be an error. */
const PLAIN = `
const balancer = server({ persistent: false, hostTimeout: 1, unavailable: (error, socket) => {
  const code: UnavailableReason = error.code;
  socket.setTimeout(1000, () => socket.destroy()).on("timeout", () => undefined);
  socket.write("Sorry: ");
  socket.end(code + socket.remoteAddress);
} });
balancer.on("connectionClose", (record) => record.bytesIn.toFixed());
balancer.once("targetDown", (target, reason) => [target.identity.length, reason === "lease-expired"]);
balancer.off("warning", (message: string, cause?: unknown) => [message, cause]);
balancer.addListener("error", (error: Error) => error.message).removeAllListeners("error");
const named: (keyof BalancerEvents)[] = balancer.eventNames();
const active: number = balancer.targets().reduce((sum: number, target: TargetView) => sum + target.active, 0);
const reporter = new harmony.client({ listenport: 1080, balance: 1000, ack: 60 * 1000, host: ["a", "b:1"] });
reporter.on("registered", (balancer: TcpAddress, target: string) => balancer.port + target.length);
reporter.on("rejected", (balancer, { code }, announced) => [balancer.host, code, announced?.pool, announced?.port]);
harmony.client({ host: "a", targets: [{ port: 1080, pool: "web" }, { port: 5432, listen: 5000, poolOptions: { algorithm: "random" } }] });
const many = server({ queue: 5, pools: { db: { listen: 5432, targets: ["a:1", { address: "b:1", backup: true }] } },
  listeners: { tls: { listen: ["127.0.0.1:443"], allow: ["10.0.0.0/8"], tls: { cert: "a.pem", key: "a.key", min: "1.3" },
    routes: [{ name: "*.db.example", pool: "db", tls: "pass" }, { pool: "db" }] } } });
// @ts-expect-error: there is no such version
server({ tls: { cert: "a.pem", key: "a.key", min: "1.1" } });
const steps: Promise<readonly Step[]> = many.apply({ pools: { db: { listen: 5432, unavailable: "no" } } });
const queues: number[] = many.pools().map(({ options }) => options.queue + options.targets.length);
// @ts-expect-error: a pool has no port for reporters
many.apply({ pools: { db: { adminport: 1666 } } });
const results: Promise<DrainResult[]> = reporter.drain();
const closed: Promise<void> = reporter.close();
const options: ServerOptions = { algorithm: "hash", threads: "auto", unavailable: null };
const engine: "portable" | "linux" | undefined = balancer.engine?.name;
if (balancer instanceof server) balancer.setConcurrency(active);
// @ts-expect-error: there is no such event
balancer.on("targetup", () => undefined);
// @ts-expect-error: that event brings a target
balancer.on("targetUp", (target: number) => target);
// @ts-expect-error: that event brings an address first
reporter.once("registered", (target: string) => target);
// @ts-expect-error: a record has no such field
balancer.on("connectionClose", (record) => record.bytes);
harmony.client({ balance: "auto floor=25", check: { type: "http", path: "/healthz" } });
// @ts-expect-error: a weight is a number, or follows what is left
harmony.client({ balance: "heavy" });
// @ts-expect-error: a target has no host of its own
harmony.client({ targets: [{ host: "a" }] });
// @ts-expect-error: there is no such algorithm
server({ algorithm: "fastest" });
// @ts-expect-error: there is no such option
server({ listenPort: 1 });
export = { named, results, closed, options, engine };
`;
const NAMES = "BalancerEvents, DrainResult, ServerOptions, Step, TargetView, TcpAddress, UnavailableReason";

/** What Node's own functions take a balancer and a client's socket for. */
const WITH_NODE = `
import { EventEmitter, once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { server, type UnavailableHandler } from "node-harmony";

const handler: UnavailableHandler = async (error, socket) => {
  socket.setEncoding("utf8").pipe(process.stdout);
  for await (const chunk of socket) process.stdout.write(chunk);
  await pipeline(Readable.from([error.message]), socket);
};
const balancer = server({ unavailable: handler });
const emitter: EventEmitter = balancer;
await once(balancer, "listening");
export { emitter };
`;

const PROGRAMS: Readonly<Record<string, string>> = {
  "module.mts": `import harmony, { server, type ${NAMES.replaceAll(", ", ", type ")} } from "node-harmony";\n${PLAIN.replace("export =", "export default")}`,
  "commonjs.cts": `import harmony = require("node-harmony");\nimport { server } from "node-harmony";\nimport type { ${NAMES} } from "node-harmony";\n${PLAIN}`,
  "node.mts": WITH_NODE,
};

const COMPILERS = { "5.9": "typescript-5.9/bin/tsc", "7": "typescript/bin/tsc" };

/** `place`: the folder where the package is installed. */
export function describeDeclarations(place: string): void {
  describe("declarations", () => {
    const installed = join(place, "node_modules/node-harmony");

    it("are two files, which lead to nothing but Node's streams", () => {
      for (const file of ["index.d.ts", "index.d.cts"]) {
        const text = readFileSync(join(installed, "lib", file), "utf8").replace(/^\/\*\*.*?\*\//s, "");
        const modules = [...text.matchAll(/(?:from|import\(|require\()\s*"([^"]+)"/g)].map(([, name]) => name);
        assert.deepEqual([...new Set(modules)], file === "index.d.ts" ? ["node:stream"] : ["./index.js"]);
        assert.doesNotMatch(text, /zod/i);
      }
    });

    it("are read by the versions of TypeScript that these tests name", () => {
      const versions = Object.values(COMPILERS).map((path) => require(path.replace("bin/tsc", "package.json")).version);
      assert.match(versions.join(" "), /^7\.\d+\.\d+ 5\.9\.\d+$/);
    });

    for (const [version, compiler] of Object.entries(COMPILERS)) {
      for (const [module, types] of [
        ["node16", []],
        ["nodenext", ["node"]],
      ] as const) {
        // Both compilers check our declarations, but 5.9 takes long for those of Node.
        const skipLibCheck = version === "5.9" && types.length > 0;
        const mode = `${module} with${types.length > 0 ? "" : "out"} Node's types`;
        it(`resolve and are typed in TypeScript ${version}, ${mode}`, async () => {
          const folder = join(place, `types-${version}-${module}`);
          writeProgram(folder, { module, types, skipLibCheck });
          const command = [node, join(root, "node_modules", compiler), "-p", folder];
          const { code, output } = await run(command, { timeout: TIMEOUT_MS });
          assert.equal(code, 0, output);
        });
      }
    }
  });
}

interface Mode {
  readonly module: string;
  readonly types: readonly string[];
  readonly skipLibCheck: boolean;
}

function writeProgram(folder: string, mode: Mode): void {
  const files = Object.keys(PROGRAMS).filter((file) => file !== "node.mts" || mode.types.length > 0);
  mkdirSync(folder);
  for (const file of files) writeFileSync(join(folder, file), PROGRAMS[file]!);
  const compilerOptions = {
    ...mode,
    target: "es2022",
    lib: ["es2022"], // without the DOM, whose types look like some of Node's
    strict: true,
    noEmit: true,
    typeRoots: [join(root, "node_modules/@types")],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
}
