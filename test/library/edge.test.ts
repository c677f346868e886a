/** Listeners that ask clients something, in a balancer that runs in this process. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { server } from "../../src/index.ts";
import { until } from "../support/wait.ts";

/** All that is answered to `text`; "" where the connection is reset. */
function answerTo(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (bytes) => {
      got += bytes.toString();
    });
    socket.on("error", () => resolve(""));
    socket.on("close", () => resolve(got));
  });
}

test("a PROXY header names the client, whom the list that a reload brings then refuses", async () => {
  const target = createServer((socket) => socket.once("data", (bytes) => socket.end(`got ${bytes}`)));
  await once(target.listen(0, "127.0.0.1"), "listening");
  const { port } = target.address() as { port: number };
  const pools = { web: { targets: [`127.0.0.1:${port}`] } };
  const options = (deny: string[]) => ({
    key: "a-key-that-only-these-tests-use",
    adminport: 0,
    pools,
    listeners: { l: { listen: "127.0.0.1:0", acceptProxy: "127.0.0.1", deny, routes: [{ pool: "web" }] } },
  });
  const balancer = server(options([]));
  try {
    const { listen } = await balancer.ready;
    const at = listen[0]!.port;
    await until("the target to be up", () => balancer.targets().some(({ state }) => state === "up"));
    const ask = () => answerTo(at, "PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\nhello");
    assert.equal(await ask(), "got hello");
    assert.equal(await answerTo(at, "hello, without a header\r\n"), "");
    const steps = await balancer.apply(options(["192.0.2.0/24"]));
    assert.deepEqual(
      steps.map(({ kind }) => kind),
      ["change-listener"],
    );
    assert.equal(await ask(), "");
  } finally {
    await balancer.close(0);
    target.close();
  }
});
