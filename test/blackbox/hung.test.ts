/** Targets that accept connections and are of no use: one that hangs (SIGSTOP), with default options, and one that ends what it accepts. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, describe, it } from "node:test";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { endServers, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { startTarget } from "../support/target-process.ts";
import { until } from "../support/wait.ts";

const RATE = 100;
const REQUESTS = 600;
/** By then a client has given up. */
const PATIENCE_MS = 2_000;
/** Clients that come again and again. */
const CLIENTS = 24;
const skip = process.platform === "win32" && "Windows cannot stop a process for a while (SIGSTOP)";

after(async () => {
  await endPrograms();
  await endServers();
});

interface Answer {
  readonly askedAt: number;
  /** Who has answered; null: nobody. */
  readonly by: string | null;
}

/** A request on a connection of its own, from the n-th client's address. */
function ask(port: number, n: number): Promise<Answer> {
  const askedAt = performance.now();
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.3.${1 + (n % 250)}` });
    const settle = () => {
      clearTimeout(late);
      socket.destroy();
      resolve({ askedAt, by: /\r\n\r\n(\w+)/.exec(text)?.[1] ?? null });
    };
    const late = setTimeout(settle, PATIENCE_MS);
    socket.on("data", (bytes) => {
      text += bytes.toString();
    });
    socket.on("error", settle).on("close", settle);
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  });
}

/** At a fixed rate, whatever becomes of those before. */
async function traffic(port: number, count: number, each: (n: number) => void = () => {}): Promise<Answer[]> {
  const start = performance.now();
  const answers: Promise<Answer>[] = [];
  for (let n = 0; n < count; n++) {
    const wait = start + (n * 1000) / RATE - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait)); // the rate is what is tested
    each(n);
    answers.push(ask(port, n % CLIENTS));
  }
  return Promise.all(answers);
}

/** Targets a, b and c, of which c may be another server's port. */
async function cluster(args: readonly string[], other: number | null = null) {
  const balancer = await startBalancer(args);
  const targets = await Promise.all(
    ["a", "b", ...(other === null ? ["c"] : [])].map((name) => startTarget("http", name)),
  );
  const ports = [...targets.map(({ port }) => port), ...(other === null ? [] : [other])];
  await Promise.all(ports.map((port, n) => startReporter(balancer, port, ["--id", "abc"[n]!])));
  await until("all targets up", () => (balancer.program.stderr.match(/is up at/g) ?? []).length === 3);
  return { balancer, hung: targets[0]!.program };
}

describe("a target that hangs", { skip }, () => {
  it("fails few clients, bound to it or not, and is back when it goes on", async () => {
    const kinds = [[], ["--persistent", "30m"]];
    await Promise.all(
      kinds.map(async (args) => {
        const { balancer, hung } = await cluster(args);
        let stoppedAt = 0;
        const answers = await traffic(balancer.port, REQUESTS, (n) => {
          if (n !== RATE) return;
          hung.signal("SIGSTOP");
          stoppedAt = performance.now();
        });
        hung.signal("SIGCONT");
        const failed = answers.filter(({ by }) => by === null);
        const late = failed.filter(({ askedAt }) => askedAt > stoppedAt + 3_000);
        assert.ok(failed.length <= 60, `${failed.length} of ${REQUESTS} failed (${args.join(" ")})`);
        assert.ok(late.length <= 6, `${late.length} were sent there after 3 s (${args.join(" ")})`);
        // Without stickiness its connections that wait keep others away before they are many.
        if (args.length > 0) assert.ok(/target default\/a is suspect: it answers nobody/.test(balancer.program.stderr));
        let newcomer = CLIENTS;
        await until("an answer of the target that hung", async () => (await ask(balancer.port, newcomer++)).by === "a");
      }),
    );
  });
});

describe("a target that ends what it accepts", () => {
  it("is taken out after so many connections, and tried again by one at a time", async () => {
    let works = false;
    const server = await serve(async (connection) => {
      if (works) await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\nc"));
      await connection.close();
    });
    const args = ["--eject-after", "3", "--eject-time", "1s", "--algorithm", "roundrobin"];
    const { balancer } = await cluster(args, server.port);
    const failed = (await traffic(balancer.port, 2 * RATE)).filter(({ by }) => by === null);
    assert.ok(failed.length >= 3 && failed.length <= 12, `${failed.length} failed`);
    assert.ok(/target default\/c is suspect: it ended connections before/.test(balancer.program.stderr));
    works = true;
    let n = 0;
    await until("an answer of it", async () => (await ask(balancer.port, n++)).by === "c");
  });
});
