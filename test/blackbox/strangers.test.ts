/**
 * Crowds on the admin port that cannot prove a key, and an honest reporter behind the same address, with a round trip of 150 ms. A few
 * seconds of each kind as a rule; HARMONY_FLOOD_RATE (attempts a second) and HARMONY_FLOOD_SECONDS (of each kind) ask for more, on a
 * machine that does nothing else.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, it, type TestContext } from "node:test";
import { ca, certificateFiles } from "../support/certificates.ts";
import { type Balancer, KEY, startBalancer, startWithTls } from "../support/cluster.ts";
import { removeFolders } from "../support/folder.ts";
import { form } from "../support/form.ts";
import { endPrograms } from "../support/program.ts";
import { attempts } from "../support/strangers/attempts.ts";
import type { FloodPlan } from "../support/strangers/flood-program.ts";
import type { HonestOutcome } from "../support/strangers/honest-program.ts";
import { flood, startHonestReporters } from "../support/strangers/strangers.ts";

/** Far fewer than a balancer bears, since tests share their machine; far more than one bore that had few places for each address. */
const RATE = Number(process.env.HARMONY_FLOOD_RATE ?? 200);
/** Below that the places of a balancer that had few for each address would have lasted for a round trip. */
const LEAST_RATE = 60;
const SECONDS = Number(process.env.HARMONY_FLOOD_SECONDS ?? 0.5);
/** What a machine of its own shows: nobody waits longer. */
const STRICT = process.env.HARMONY_FLOOD_RATE !== undefined;
const MOST_MS = STRICT ? 2_000 : 10_000;
const EVERY_MS = 100;
const ROUND_TRIP_MS = 150;
/** As many attempts as one process can make. */
const FASTEST = 20_000;
const MOST_MB = 150;

const SAME_ADDRESS = ["127.0.0.1"];
const MANY_ADDRESSES = ["127.0.0.1", ...Array.from({ length: 50 }, (_, n) => `127.0.1.${n + 1}`)];

after(async () => {
  await endPrograms();
  removeFolders();
});

for (const tls of [false, true]) {
  describe(`strangers on the admin port${tls ? " with TLS" : ""}`, () => {
    it("of no kind keep out an honest reporter at their own address", async (t) => {
      const balancer = await start(t, tls);
      if (!balancer) return;
      const kinds = [...Object.keys(tls ? attempts.tls : attempts.plain), "all"];
      await amongStrangers(t, balancer, { tls, kinds, from: SAME_ADDRESS });
      await bounded(t, balancer);
    });

    it("at many addresses keep none out either", {
      skip: process.platform === "linux" ? false : "only one address here is this machine's",
    }, async (t) => {
      const balancer = await start(t, tls);
      if (!balancer) return;
      await amongStrangers(t, balancer, { tls, kinds: ["all"], from: MANY_ADDRESSES });
      await balancer.program.stop();
    });

    it("take little memory, however fast they come", {
      skip: form === "bun" ? false : "the bar is the program that is compiled with Bun",
    }, async (t) => {
      const balancer = await start(t, tls);
      if (!balancer) return;
      const kinds = [tls ? "client hello" : "wrong proof", "silent", "all"];
      const crowd = { tls, kinds, from: SAME_ADDRESS, rate: FASTEST, seconds: 4 * SECONDS };
      for (const { kind, rate } of await flood(planOf(balancer, crowd))) t.diagnostic(`${kind}, ${rate} a second`);
      await bounded(t, balancer);
    });
  });
}

/** null: it cannot be had here, and the test is skipped. */
async function start(t: TestContext, tls: boolean): Promise<Balancer | null> {
  if (!tls) return startBalancer();
  const { cert, key } = certificateFiles;
  return startWithTls(t, () => startBalancer(["--admin-tls-cert", cert, "--admin-tls-key", key]));
}

type Crowd = Pick<FloodPlan, "tls" | "kinds" | "from"> & Partial<FloodPlan>;

function planOf({ adminPort }: Balancer, crowd: Crowd): FloodPlan {
  return { port: adminPort, key: KEY, rate: RATE, seconds: SECONDS, ...crowd };
}

async function amongStrangers(t: TestContext, balancer: Balancer, crowd: Crowd): Promise<void> {
  const plan = {
    port: balancer.adminPort,
    key: KEY,
    ca: crowd.tls ? ca : null,
    every: EVERY_MS,
    roundTrip: ROUND_TRIP_MS,
  };
  const reporters = await startHonestReporters(plan);
  const phases = await flood(planOf(balancer, crowd));
  const outcomes = await reporters.end(phases.at(-1)!.to);
  const late: string[] = [];
  for (const { kind, from, to, rate } of phases) {
    const among = outcomes.filter(({ began }) => began >= from && began < to);
    t.diagnostic(`${kind}, ${rate} a second: ${summary(among)}`);
    late.push(...among.filter(isLate).map(({ ms, error }) => `${kind}: ${error ?? `${ms} ms`}`));
  }
  assert.deepEqual(late, []);
  const mean = phases.reduce((sum, { rate }) => sum + rate, 0) / phases.length;
  assert.ok(
    mean >= LEAST_RATE && outcomes.length > phases.length,
    `${outcomes.length} among ${mean} a second are no test`,
  );
}

const isLate = ({ ms, error }: HonestOutcome): boolean => error !== null || ms > MOST_MS;

function summary(outcomes: readonly HonestOutcome[]): string {
  const good = outcomes.filter((outcome) => !isLate(outcome)).length;
  const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
  return `${good} of ${outcomes.length}, median ${times[times.length >> 1]} ms, at most ${times.at(-1)} ms`;
}

/** What it holds and what it has logged; then stops it. */
async function bounded(t: TestContext, { program }: Balancer): Promise<void> {
  if (process.platform === "linux") {
    const most = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${program.pid}/status`, "utf8"))![1]) / 1_024;
    t.diagnostic(`at most ${Math.round(most)} MB`);
    if (form === "bun") assert.ok(most < MOST_MB, `${most} MB`);
  }
  const turnedAway = program.log.filter(({ message }) => /turned away|rejected/i.test(message));
  t.diagnostic(`${turnedAway.length} lines on those turned away`);
  assert.ok(turnedAway.length < 60, `${turnedAway.length} lines`);
  assert.equal((await program.stop()).code, 0);
}
