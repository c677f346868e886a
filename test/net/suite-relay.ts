import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { Connection, Progress, RelayEnd, Runtime } from "../../src/net/runtime.ts";
import { amount } from "../support/amount.ts";
import { descriptors } from "../support/descriptors.ts";
import { pattern } from "../support/pattern.ts";
import { connectPair } from "../support/peers.ts";
import { LOOPBACK } from "../support/ports.ts";
import { readAll, readExactly, readText, show, startWriting, text } from "../support/stream.ts";
import { standstill, until, within } from "../support/wait.ts";
import { KERNEL_BUFFERS } from "./suite-stream.ts";

const MIB = 1024 * 1024;
const AT_ONCE = 100;
const ROUNDS = amount(100);
const BULK_MIB = amount(1024);
const ECONNRESET = { name: "NetError", code: "ECONNRESET" };
const NO_RST = "cannot send RST";

interface Bridge {
  /** The outer ends; `a` and `b` between them are relayed: client ⇄ a ⇄ b ⇄ target. */
  readonly client: Connection;
  readonly target: Connection;
  readonly a: Connection;
  readonly b: Connection;
  readonly progress: Progress;
  readonly end: Promise<RelayEnd>;
}

/** `before` sees both inner ends before the relay starts. `abortSurvivor`: as soon as the relay has failed. */
async function withBridge(
  runtime: Runtime,
  body: (bridge: Bridge) => Promise<void>,
  before: (outer: {
    client: Connection;
    a: Connection;
    b: Connection;
    target: Connection;
  }) => Promise<void> = async () => {},
  abortSurvivor = true,
): Promise<void> {
  const front = await connectPair(runtime, LOOPBACK);
  const back = await connectPair(runtime, LOOPBACK);
  const { client, server: a } = front;
  const { client: b, server: target } = back;
  const progress = { aToB: 0, bToA: 0 };
  try {
    await before({ client, a, b, target });
    const end = runtime.relay(a, b, progress).then((ended) => {
      if (ended.failure !== undefined && abortSurvivor) (ended.failure.side === "a" ? b : a).abort();
      return ended;
    });
    await body({ client, target, a, b, progress, end });
    client.abort();
    target.abort();
    const { failure } = await within("the relay's end", end);
    if (failure !== undefined) (failure.side === "a" ? b : a).abort();
    // Both are closed: nothing works on them any more.
    await assert.rejects(a.write(text("x")));
    await assert.rejects(b.write(text("x")));
  } finally {
    for (const connection of [client, a, b, target]) connection.abort();
    await front.listener.close();
    await back.listener.close();
  }
}

/** "light" leaves out the two tests that are about volume. */
export function relaySuite(runtime: Runtime, scope: "whole" | "light" = "whole"): void {
  describe("relay()", () => {
    it("carries bytes both ways and counts them", () =>
      withBridge(runtime, async ({ client, target, progress }) => {
        await client.write(text("question"));
        assert.equal(show(await readExactly(target, 8)), "question");
        await target.write(text("answer"));
        assert.equal(show(await readExactly(client, 6)), "answer");
        assert.deepEqual(progress, { aToB: 8, bToA: 6 });
      }));

    it("passes the client's FIN on and still brings the answer", () =>
      withBridge(runtime, async ({ client, target, end, progress }) => {
        await client.write(text("question"));
        await client.closeWrite();
        assert.equal(show(await readAll(target)), "question");
        const answer = pattern(3 * MIB);
        const written = target.write(answer).then(() => target.close());
        assert.ok(Buffer.from(await readAll(client)).equals(answer));
        await within("the target", written);
        assert.deepEqual(await within("the relay's end", end), { first: "a" });
        assert.deepEqual(progress, { aToB: 8, bToA: answer.length });
      }));

    it("passes the target's FIN on and still brings the client's bytes", () =>
      withBridge(runtime, async ({ client, target, end }) => {
        await target.write(text("hello"));
        await target.closeWrite();
        assert.equal(show(await readAll(client)), "hello");
        await client.write(text("late"));
        await client.close();
        assert.equal(show(await readAll(target)), "late");
        assert.deepEqual(await within("the relay's end", end), { first: "b" });
      }));

    it("forwards bytes and FIN that came before it began", () =>
      withBridge(
        runtime,
        async ({ client, target, end }) => {
          assert.equal(show(await readAll(target)), "early");
          await target.write(text("answer"));
          await target.close();
          assert.equal(show(await readAll(client)), "answer");
          await within("the relay's end", end);
        },
        async ({ client, a }) => {
          await client.write(text("early"));
          await client.closeWrite();
          await within("the early bytes", a.readable());
        },
      ));

    it("forwards bytes that were given back", () =>
      withBridge(
        runtime,
        async ({ client, target, end, progress }) => {
          await client.write(text("late"));
          await client.closeWrite();
          assert.equal(show(await readAll(target)), "earlylate");
          assert.equal(progress.aToB, 9);
          await target.close();
          await within("the relay's end", end);
        },
        async ({ client, a }) => {
          await client.write(text("early"));
          a.unread(text(await readText(a, 5)));
        },
      ));

    it("takes over while readable() is pending", () =>
      withBridge(
        runtime,
        async ({ client, target }) => {
          await client.write(text("x"));
          assert.equal(show(await readExactly(target, 1)), "x");
        },
        async ({ a }) => void a.readable().catch(() => undefined), // its outcome does not matter here
      ));

    for (const side of ["client", "target"] as const) {
      it(`passes a reset by the ${side} on`, { skip: runtime.can.reset ? false : NO_RST }, () =>
        withBridge(runtime, async (bridge) => {
          const [from, to] = side === "client" ? [bridge.client, bridge.target] : [bridge.target, bridge.client];
          await from.write(text("x"));
          await readExactly(to, 1);
          const reading = assert.rejects(within("the reset", to.read()), ECONNRESET);
          from.abort();
          await reading;
          const { first, failure } = await within("the relay's end", bridge.end);
          assert.equal(first, side === "client" ? "a" : "b");
          assert.equal(failure?.side, side === "client" ? "a" : "b");
          assert.equal(failure?.error.code, "ECONNRESET");
        }),
      );

      it(
        `leaves the other connection to its caller when the ${side} resets, with what was read on its way`,
        { skip: runtime.can.reset ? false : NO_RST },
        () =>
          withBridge(
            runtime,
            async (bridge) => {
              const [from, to, survivor] =
                side === "client" ? [bridge.client, bridge.target, bridge.b] : [bridge.target, bridge.client, bridge.a];
              const sent = pattern(1_500_000);
              const reading = readExactly(to, sent.length);
              await within("the writer", from.write(sent));
              await until("all to be read", () => bridge.progress.aToB + bridge.progress.bToA === sent.length);
              from.abort();
              await within("the relay's end", bridge.end);
              assert.ok(Buffer.from(await reading).equals(sent));
              await until("nothing to be unsent", () => survivor.unsent === 0);
              await to.write(text("nobody takes this"));
              survivor.abort();
              await assert.rejects(readExactly(to, 1), ECONNRESET);
            },
            undefined,
            false,
          ),
      );

      it(
        `passes a reset by the ${side} on although its reader stands still`,
        { skip: runtime.can.reset ? false : NO_RST },
        () =>
          withBridge(runtime, async (bridge) => {
            const [from, to] = side === "client" ? [bridge.client, bridge.target] : [bridge.target, bridge.client];
            const writing = from.write(pattern(64 * MIB)).catch(() => undefined);
            await standstill("the relay", () => bridge.progress.aToB + bridge.progress.bToA);
            to.abort();
            const { failure } = await within("the relay's end", bridge.end);
            assert.equal(failure?.error.code, "ECONNRESET");
            await within("the writer", writing);
            await assert.rejects(readAll(from), ECONNRESET);
          }),
      );
    }

    it("ends both sides when one is aborted from outside", () =>
      withBridge(runtime, async ({ client, target, b, end }) => {
        await client.write(text("x"));
        await readExactly(target, 1);
        b.abort();
        const { first, failure } = await within("the relay's end", end);
        assert.equal(first, "b");
        assert.equal(failure?.error.code, "ECLOSED");
        for (const outer of [client, target]) {
          const outcome = await within("the end", outer.read()).then(String, (reason) => reason.code);
          assert.ok(["null", "ECONNRESET"].includes(outcome), outcome);
        }
      }));

    it("stops a writer whose reader stands still", () =>
      withBridge(runtime, async ({ client, target, progress }) => {
        const chunk = pattern();
        const chunks = 64;
        const writer = startWriting(client, chunk, chunks);
        await within("bytes", target.readable());
        const stalled = await standstill("the writer", writer.written);
        // Two hops of kernel buffers; within this process no more than what each side may hold.
        const bound = 2 * (KERNEL_BUFFERS + runtime.can.readAhead) + chunk.length;
        assert.ok(stalled < bound, `${stalled} bytes were taken, the bound is ${bound}`);
        assert.ok((await readAll(target)).length === chunks * chunk.length);
        await within("the writer", writer.done);
        assert.equal(progress.aToB, chunks * chunk.length);
      }));

    if (scope === "light") return;
    it(`moves ${BULK_MIB} MiB unchanged`, () =>
      withBridge(runtime, async ({ client, target, progress }) => {
        const chunk = pattern();
        const sent = createHash("sha1");
        const received = createHash("sha1");
        const writing = (async () => {
          for (let left = BULK_MIB * MIB; left > 0; left -= chunk.length) {
            const bytes = chunk.subarray(0, Math.min(left, chunk.length));
            sent.update(bytes);
            await client.write(bytes);
          }
          await client.closeWrite();
        })();
        for (;;) {
          const bytes = await within("bytes", target.read());
          if (bytes === null) break;
          received.update(bytes);
        }
        await writing;
        assert.equal(progress.aToB, BULK_MIB * MIB);
        assert.equal(received.digest("hex"), sent.digest("hex"));
      }));
  });

  if (scope === "light") return;
  const countable = descriptors() !== null && runtime.name !== "memory";
  describe(`${ROUNDS * AT_ONCE} short connections`, () => {
    it("leave no descriptor open", { skip: countable ? false : "descriptors cannot be counted here" }, () =>
      shortConnections(runtime),
    );
  });
}

/** Client → relay → echo, one small message each, every connection closed by its owner as usual. */
async function shortConnections(runtime: Runtime): Promise<void> {
  const failures: unknown[] = [];
  const echo = await runtime.listen({ host: LOOPBACK, port: 0 }, (connection) => {
    const answer = async (): Promise<void> => {
      await connection.write((await connection.read()) ?? text("nothing came"));
      await connection.close();
    };
    answer().catch((error) => failures.push(error));
  });
  let relayed = 0;
  const balancer = await runtime.listen({ host: LOOPBACK, port: 0 }, (a) => {
    runtime
      .connect({ to: echo.address })
      .then((b) => runtime.relay(a, b, { aToB: 0, bToA: 0 }))
      .then((end) => {
        relayed += 1;
        if (end.failure !== undefined) failures.push(end.failure.error);
      })
      .catch((error) => failures.push(error));
  });
  const once = async (): Promise<void> => {
    const client = await runtime.connect({ to: balancer.address });
    await client.write(text("hello"));
    assert.equal(show(await readAll(client)), "hello");
    await client.close();
  };
  await once(); // what a process opens once is open now
  await until("the first relay", () => relayed === 1);
  const before = descriptors()!;
  const worker = async (): Promise<void> => {
    for (let i = 0; i < ROUNDS; i++) await once();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await until("the last relay", () => relayed === ROUNDS * AT_ONCE + 1);
  assert.deepEqual(failures, []);
  await until("the last descriptor", () => descriptors()! <= before);
  await balancer.close();
  await echo.close();
}
