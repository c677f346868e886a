/** Strangers and mistakes on the network: each gets its answer, and nobody else notices. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Connection } from "../../src/net/runtime.ts";
import { type Balancer, KEY, startBalancer, startReporter } from "../support/cluster.ts";
import { dial, endServers, exchange, greeter, serve } from "../support/peers.ts";
import { endPrograms, type Program, start } from "../support/program.ts";
import { readText, send } from "../support/stream.ts";
import { within } from "../support/wait.ts";

const REPORTER = ["--log-format", "json"];
const OTHER_KEY = "blackbox:another-key-than-the-balancer's";

let balancer: Balancer;
let port: number;

before(async () => {
  const server = await serve(greeter("served"));
  port = server.port;
  balancer = await startBalancer();
  await startReporter(balancer, port);
});
after(async () => {
  await endPrograms();
  await endServers();
});

async function stillServes(): Promise<void> {
  assert.equal(await within("an answer", exchange(balancer.port, "")), "served");
  assert.equal(balancer.program.exit, undefined);
}

/** A reporter for `target`, which is not waited for. */
function report(key: string, target: number): Program {
  const to = ["--host", `127.0.0.1:${balancer.adminPort}`, "--port", String(target)];
  return start("harmony-reporter", [...to, ...REPORTER], { env: { HARMONY_KEY: key } });
}

describe("a stranger on the admin port", () => {
  const LINES: Record<string, string> = {
    "an empty line": "\n",
    "no JSON": "CLOSE 17\n",
    "a report without a handshake": '{"s":0,"b":"{}","m":"00"}\n',
    "an unknown version": '{"t":"hello","v":99,"key":"x","nonce":"","software":"?"}\n',
    "an unknown key": `{"t":"hello","v":1,"key":"nobody","nonce":"${"0".repeat(32)}","software":"?"}\n`,
    "an HTTP request": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes that are no text": "\xff\xfe\x00\x01\n",
    "deep nesting": `${"[".repeat(4000)}\n`,
  };
  for (const [name, text] of Object.entries(LINES)) {
    it(`who sends ${name} is told nothing of use and is closed`, async () => {
      const connection = await dial(balancer.adminPort);
      await send(connection, text);
      await connection.closeWrite();
      const answer = await within(
        "the end",
        readText(connection).catch(() => ""),
      );
      assert.ok(!answer.includes("welcome"), answer);
      await connection.close();
      await stillServes();
    });
  }

  it("who sends a line without end is closed after 8 KiB", async () => {
    const connection = await dial(balancer.adminPort);
    await assert.doesNotReject(within("the end", floodUntilClosed(connection)));
    await stillServes();
  });

  it("who resets is forgotten", async () => {
    for (let i = 0; i < 20; i++) {
      const connection = await dial(balancer.adminPort);
      await send(connection, '{"t":"hel');
      connection.abort();
    }
    await stillServes();
  });

  it("1,000 who say nothing keep no reporter out", async () => {
    const silent: (Connection | null)[] = [];
    while (silent.length < 1_000) {
      // Some are dropped so soon that connecting itself fails: that is the balancer's good right.
      const attempt = () => dial(balancer.adminPort).catch(() => null);
      silent.push(...(await Promise.all(Array.from({ length: 50 }, attempt))));
    }
    assert.ok(silent.some((connection) => connection !== null));
    await startReporter(balancer, port, ["--id", "in-the-crowd"]);
    await stillServes();
    for (const connection of silent) connection?.abort();
  });
});

/** Writes until the other side has had enough; much more than it may keep. */
async function floodUntilClosed(connection: Connection): Promise<void> {
  const block = new Uint8Array(64 * 1024).fill(0x7b);
  try {
    for (let i = 0; i < 1_000; i++) await connection.write(block);
  } catch {
    return; // closed, as it should be
  } finally {
    connection.abort();
  }
  throw new Error("64 MiB of one line were taken");
}

describe("a reporter", () => {
  it("with a wrong key is turned away; both sides say who and why, and nothing else happens", async () => {
    const reporter = report(OTHER_KEY, port);
    await reporter.logged("why", (line) => /key/i.test(line.message));
    await balancer.program.logged("who", (line) => /127\.0\.0\.1/.test(line.message) && /key/i.test(line.message));
    for (const said of [reporter.stderr, balancer.program.stderr]) assert.ok(!said.includes(OTHER_KEY.slice(9)));
    assert.equal(reporter.exit, undefined);
    await reporter.kill();
    await stillServes();
  });

  it("whose target is the balancer itself is refused, with the reason", async () => {
    const reporter = report(KEY, balancer.port);
    await reporter.logged("why", (line) => /loop|itself|own/i.test(line.message));
    await reporter.kill();
    await stillServes();
  });

  it("whose host does not resolve says so and goes on trying", async () => {
    const reporter = start("harmony-reporter", ["--host", "harmony.invalid", ...REPORTER], {
      env: { HARMONY_KEY: OTHER_KEY },
    });
    await reporter.logged("the name", (line) => line.message.includes("harmony.invalid"));
    assert.equal(reporter.exit, undefined);
    await reporter.kill();
  });
});
