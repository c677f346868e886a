/**
 * What connected reporters cost a balancer, in time of a processor: COUNT of them (10,000 by default), each with a target, at rest for
 * SECONDS, with heartbeats and without. FORM is a program, by default the built one; the reporters are in this process, which is not counted.
 * Reports, one of each reporter in twenty seconds, are in both; the difference is what heartbeats cost. Linux only.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtime } from "#runtime";
import { ControlClient } from "../../src/control/client/client.ts";
import { INSECURE_KEY } from "../../src/control/keys/key.ts";
import { freePort } from "../../test/support/ports.ts";
import { cpuMicros, delay, start, stop, tree } from "./process.ts";

const count = Number(process.env.COUNT ?? 10_000);
const seconds = Number(process.env.SECONDS ?? 40);
const form = process.env.FORM ?? "dist/harmony-balancer";
/** Reporters that connect at the same time. */
const AT_ONCE = 100;
/** ms until the first reports and their probes are over, and what is done often is compiled. */
const SETTLE = 20_000;

const target = createServer((socket) => socket.on("error", () => undefined).end());
await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
const { port } = target.address() as { port: number };

const share = async (heartbeat: string) => {
  const folder = mkdtempSync(join(tmpdir(), "harmony-reporters-"));
  const [admin, listen] = [await freePort(), await freePort()];
  const options = ["--listen", `127.0.0.1:${listen}`, "--admin", `127.0.0.1:${admin}`, "--api", "off", "--insecure"];
  const limits = ["--max-targets", String(2 * count), "--heartbeat", heartbeat];
  const balancer = await start([...form.split(" "), ...options, ...limits], { HOME: folder }, admin);
  const clients: ControlClient[] = [];
  try {
    for (let first = 0; first < count; first += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, n) => joined(first + n, admin));
      clients.push(...(await Promise.all(some)));
    }
    await delay(SETTLE);
    const pids = tree(balancer.child.pid!);
    const before = cpuMicros(pids);
    await delay(seconds * 1_000);
    return (cpuMicros(pids) - before) / 1e6 / seconds;
  } finally {
    await stop(balancer);
    await Promise.all(clients.map((client) => client.close()));
    rmSync(folder, { recursive: true });
  }
};

/** Resolves once it is registered. */
function joined(n: number, admin: number): Promise<ControlClient> {
  return new Promise((resolve) => {
    const client = new ControlClient({
      runtime,
      to: { host: "127.0.0.1", port: admin },
      tls: null,
      key: () => INSECURE_KEY,
      targets: [{ pool: "default", port, id: `t${n}`, weight: 1, health: "up", drain: false }],
      ack: 300_000,
      software: "bench",
      onEvent: (...event) => {
        if (event[0] === "registered") resolve(client);
        if (event[0] === "rejected") throw new Error(`${event[1].code}: ${event[1].reason}`);
      },
    });
    client.start();
  });
}

const percent = (part: number) => `${(100 * part).toFixed(2)} % of a core`;
const without = await share("off");
console.log(`${count} reporters at rest, without heartbeats: ${percent(without)}`);
const withThem = await share(process.env.HEARTBEAT ?? "1s");
console.log(`with one a second each: ${percent(withThem)}; heartbeats alone: ${percent(withThem - without)}`);
target.close();
process.exit(0);
