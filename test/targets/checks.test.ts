/** What checks and agents make of targets, together with what everybody else says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCheck } from "../../src/config/check-text.ts";
import { Checks, type WantedChecks } from "../../src/targets/checks.ts";
import { parseAgentWord } from "../../src/targets/health/agent-word.ts";
import type { AgentCheck, AnyCheck, CheckResult } from "../../src/targets/health/check.ts";
import type { Report } from "../../src/targets/report.ts";
import type { DeclaredTarget } from "../../src/targets/wanted.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { plainPool, registryOf } from "./registry-of.ts";

const AGENT: AgentCheck = {
  kind: "agent",
  send: new Uint8Array(),
  address: null,
  port: 9,
  interval: 1_000,
  timeout: 500,
  rise: 1,
  fall: 1,
};
const NONE: WantedChecks = { check: "off", agentCheck: "off" };
const OF_POOL: WantedChecks = { check: parseCheck("http:/healthz interval=1s rise=1 fall=2"), agentCheck: AGENT };

function world(wanted: Partial<WantedChecks> = OF_POOL, pools = ["p"]) {
  const clock = new ManualClock(1_000);
  const all = new Map(pools.map((name) => [name, plainPool(name)]));
  const pool = all.get("p")!;
  const story: string[] = [];
  const unreached: string[] = [];
  const asked: string[] = [];
  const world = {
    wanted: { ...NONE, ...wanted },
    /** What the check of a host says, and its agent. */
    answers: new Map<string, boolean | null>(),
    words: new Map<string, string>(),
  };
  const run = async (check: AnyCheck, to: { host?: string }): Promise<CheckResult> => {
    const host = to.host!;
    asked.push(`${check.kind} ${host}`);
    if (check.kind === "agent") {
      const word = parseAgentWord(world.words.get(host) ?? "");
      return word
        ? { ok: true, reason: `its agent says "${world.words.get(host)}"`, ms: 1, word }
        : { ok: false, reason: "it is silent", ms: 1 };
    }
    const ok = world.answers.has(host) ? world.answers.get(host)! : true;
    return { ok, reason: ok ? "HTTP 200" : "HTTP 503", ms: 1 };
  };
  const checks = new Checks({
    clock,
    wallClock: () => clock.now(),
    run: run as never,
    leaving: () => 0,
    wantedOf: () => world.wanted,
    random: () => 0.5,
  });
  const registry = registryOf({
    pools: all,
    clock,
    lease: 60_000,
    checks,
    quotaOf: () => ({ targets: 100, sessions: 100, newTargets: 1_000 }),
    onEvent: (event, target, ...rest) => {
      if (typeof target !== "string")
        story.push([event, target.identity, ...rest.filter((each) => typeof each === "string")].join(" "));
    },
    onUnreached: (identity) => unreached.push(identity),
  });
  const owner = {
    remote: { host: "10.0.0.1", port: 1 },
    key: { id: "k", limits: {} },
    forbids: () => null,
    replaced: () => undefined,
  };
  const report = (id: string, given: Partial<Report> = {}, host = "10.0.0.1", inPool = "p") => {
    const full: Report = {
      pool: inPool,
      id,
      port: 80,
      weight: 100,
      health: "up",
      drain: false,
      instance: id,
      ...given,
    };
    registry.report(owner, full, host);
  };
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
    }
  };
  const state = (identity: string) => pool.view(identity)?.state;
  const verdicts = (identity: string) =>
    registry.standingOf(identity)!.verdicts.map(({ source, says, reason }) => `${source} ${says}: ${reason}`);
  return Object.assign(world, {
    clock,
    pool,
    all,
    registry,
    checks,
    story,
    unreached,
    asked,
    report,
    pass,
    state,
    verdicts,
  });
}

function declared(host: string, given: Partial<DeclaredTarget> = {}): DeclaredTarget {
  return {
    address: { host, port: 80 },
    weight: 10,
    maxConnections: 0,
    priority: 0,
    backup: false,
    source: "static",
    name: null,
    ...given,
  };
}

describe("a target with a check", () => {
  it("is not served before its check has passed, and is up then without another probe", async () => {
    const w = world();
    w.answers.set("10.0.0.1", null);
    w.report("a");
    await w.pass(2_000);
    assert.equal(w.state("p/a"), "down");
    assert.match(
      w.verdicts("p/a")[1]!,
      /^checked down: its check http:\/healthz has not passed yet; just now it could not be asked/,
    );
    assert.deepEqual(w.story, []);
    w.answers.set("10.0.0.1", true);
    await w.pass(2_000);
    assert.equal(w.state("p/a"), "up");
    assert.deepEqual(w.story, ["targetUp p/a"]);
    assert.deepEqual(w.unreached, []);
    assert.deepEqual(w.verdicts("p/a").slice(1), [
      "checked up: its check http:/healthz passes (HTTP 200)",
      "observed up: it accepts connections",
    ]);
  });

  it("is down when its check has failed so often, which is told once with the reason, and up when it passes again", async () => {
    const w = world();
    w.report("a");
    await w.pass(1_000);
    w.answers.set("10.0.0.1", false);
    await w.pass(4_000);
    assert.equal(w.state("p/a"), "down");
    assert.equal(w.registry.standingOf("p/a")!.reason, "its check http:/healthz fails (HTTP 503)");
    w.answers.set("10.0.0.1", true);
    await w.pass(2_000);
    assert.equal(w.state("p/a"), "up");
    assert.deepEqual(w.story, [
      "targetUp p/a",
      "targetDown p/a checked its check http:/healthz fails (HTTP 503)",
      "targetUp p/a",
    ]);
  });

  it("is asked at once, and one pass is enough, when its reporter has it up again after it was down", async () => {
    const w = world({ check: parseCheck("http:/ interval=1m rise=3 fall=1") });
    w.report("a");
    await w.pass(100);
    w.report("a", { health: "down" });
    w.answers.set("10.0.0.1", false);
    await w.pass(70_000);
    assert.match(w.verdicts("p/a")[1]!, /^checked down: its check http:\/ fails/);
    w.answers.set("10.0.0.1", true);
    w.report("a");
    assert.equal(w.state("p/a"), "down");
    await w.pass(50);
    assert.equal(w.state("p/a"), "up");
  });

  it("is probed as well where its check asks another port", async () => {
    const w = world({ check: parseCheck("http:/ port=8008") });
    w.report("a");
    await w.pass(100);
    assert.deepEqual([w.state("p/a"), w.unreached], ["suspect", ["p/a"]]);
  });

  it("goes on while a reload gives it another check, and shares what is known of one that is the same", async () => {
    const w = world({});
    w.registry.declare("p", [declared("10.0.0.1")]);
    w.registry.reached("p/10.0.0.1:80");
    w.answers.set("10.0.0.1", false);
    w.wanted = { ...NONE, check: parseCheck("tcp fall=2 interval=1s") };
    w.registry.declare("p", [declared("10.0.0.1")]);
    assert.equal(w.state("p/10.0.0.1:80"), "up");
    assert.equal(w.checks.size, 1);
    await w.pass(100);
    assert.equal(w.state("p/10.0.0.1:80"), "up", "one failure is not enough");
    await w.pass(2_000);
    assert.equal(w.state("p/10.0.0.1:80"), "down");
    w.wanted = { ...NONE, check: parseCheck("tcp interval=1s fall=2") };
    const { length } = w.asked;
    w.registry.declare("p", [declared("10.0.0.1")]);
    assert.equal(w.asked.length, length);
    w.wanted = NONE;
    w.registry.declare("p", [declared("10.0.0.1")]);
    assert.deepEqual([w.checks.size, w.state("p/10.0.0.1:80")], [0, "suspect"]);
    assert.deepEqual(w.unreached.at(-1), "p/10.0.0.1:80");
  });

  it("may have one of its own, or none, where the document names it", async () => {
    const w = world({ check: parseCheck("tcp") });
    w.registry.declare("p", [
      declared("10.0.0.1"),
      declared("10.0.0.2", { check: "off" }),
      declared("10.0.0.3", { check: parseCheck("http:/x") }),
    ]);
    await w.pass(50);
    assert.deepEqual(w.asked.sort(), ["http 10.0.0.3", "tcp 10.0.0.1"]);
  });

  it("shares it with the same address in another pool, and is checked no more when it has left", async () => {
    const w = world({ check: parseCheck("tcp") }, ["p", "q"]);
    w.registry.declare("p", [declared("10.0.0.1")]);
    w.registry.declare("q", [declared("10.0.0.1")]);
    await w.pass(50);
    assert.deepEqual(w.asked, ["tcp 10.0.0.1"]);
    assert.equal(w.all.get("q")!.view("q/10.0.0.1:80")!.state, "up");
    w.registry.declare("p", []);
    assert.equal(w.checks.size, 1);
    w.registry.poolRemoved("q");
    assert.equal(w.checks.size, 0);
  });

  it("is checked where it is, also when it comes from another address", async () => {
    const w = world();
    w.report("a");
    await w.pass(50);
    w.answers.set("10.0.0.2", false);
    w.report("a", {}, "10.0.0.2");
    assert.equal(w.state("p/a"), "down", "nothing is known of it there");
    await w.pass(2_000);
    assert.equal(w.checks.size, 1);
    assert.ok(w.asked.includes("http 10.0.0.2"));
  });
});

describe("a target with an agent", () => {
  const names = ["p/10.0.0.1:80"] as const;
  async function told(...lines: string[]) {
    const w = world({ agentCheck: AGENT });
    w.registry.declare("p", [declared("10.0.0.1")]);
    w.registry.reached(names[0]);
    for (const line of lines) {
      w.words.set("10.0.0.1", line);
      await w.pass(1_200);
      if (w.state(names[0]) === "suspect") w.registry.reached(names[0]);
    }
    return w;
  }

  it("has the state, the part of its weight and the limit that it says", async () => {
    const half = await told("up 50% maxconn:3");
    const { weight, maxConnections, state } = half.pool.view(names[0])!;
    assert.deepEqual([weight, maxConnections, state], [5, 3, "up"]);
    assert.equal(half.registry.standingOf(names[0])!.ownWeight, 10);
    const drained = await told("drain");
    assert.equal(drained.state(names[0]), "draining");
    assert.deepEqual(drained.story.at(-1), `targetDrain ${names[0]} checked`);
    const down = await told("down #no disk", "up");
    assert.equal(down.state(names[0]), "up");
    assert.ok(down.story.includes(`targetDown ${names[0]} checked its agent says "down #no disk"`));
  });

  it("keeps what it has said last while it is silent, and is served while nothing has been heard", async () => {
    const silent = await told("");
    assert.equal(silent.state(names[0]), "up");
    assert.match(silent.verdicts(names[0])[1]!, /^checked up: its agent has not been heard \(it is silent\)/);
    const then = await told("drain", "");
    assert.equal(then.state(names[0]), "draining");
    assert.match(then.verdicts(names[0])[1]!, /is not heard any more \(it is silent\): its "\w+" holds until it says/);
  });

  it("is polled for targets of the document alone", async () => {
    const w = world({ agentCheck: AGENT });
    w.report("a");
    await w.pass(100);
    assert.deepEqual(w.asked, []);
  });
});

describe("an agent that says another word than the one that keeps its target out", () => {
  it("is told of with both, and so is one that is not heard any more", async () => {
    const w = world({ agentCheck: AGENT });
    w.registry.declare("p", [declared("10.0.0.1")]);
    const saysAfter = async (word: string) => {
      w.words.set("10.0.0.1", word);
      await w.pass(2_000);
      return w.verdicts("p/10.0.0.1:80").find((each) => each.startsWith("checked"));
    };
    assert.equal(await saysAfter("maint #swap"), 'checked down: its agent says "maint #swap"');
    assert.equal(
      await saysAfter("up"),
      'checked down: its agent says "up", and its "maint" holds until it says "ready"',
    );
    assert.equal(await saysAfter("ready"), 'checked up: its agent says "ready"');
    assert.equal(await saysAfter("failed"), 'checked down: its agent says "failed"');
    assert.equal(
      await saysAfter("drain"),
      'checked down: its agent says "drain", and its "down" holds until it says "up"',
    );
    assert.equal(
      await saysAfter("up"),
      'checked draining: its agent says "up", and its "drain" holds until it says "ready"',
    );
    assert.equal(
      await saysAfter(""),
      'checked draining: its agent is not heard any more (it is silent): its "drain" holds until it says "ready"',
    );
  });
});

describe("a check that all targets of a pool fail", () => {
  it("is told of with its reason, and no longer when one passes; a pool's only target says as much itself", async () => {
    const w = world({ check: OF_POOL.check });
    w.registry.declare("p", [declared("10.0.0.1"), declared("10.0.0.2")]);
    await w.pass(500);
    assert.equal(w.registry.rows.whyAllFail("p"), null);
    w.answers.set("10.0.0.1", false);
    await w.pass(3_000);
    assert.equal(w.state("p/10.0.0.1:80"), "down");
    assert.equal(w.registry.rows.whyAllFail("p"), null, "the other one passes");
    w.answers.set("10.0.0.2", false);
    await w.pass(3_000);
    assert.equal(w.registry.rows.whyAllFail("p"), "its check http:/healthz fails (HTTP 503)");
    w.registry.declare("p", [declared("10.0.0.1")]);
    assert.equal(w.registry.rows.whyAllFail("p"), null);
    assert.ok(
      w.story.includes("targetDown p/10.0.0.1:80 checked its check http:/healthz fails (HTTP 503)"),
      w.story.join("\n"),
    );
  });
});

describe("whatever everybody says", () => {
  const act = fc.oneof(
    fc.record({ report: fc.constantFrom("up", "down", "drain") }),
    fc.record({ check: fc.constantFrom(true, false, null) }),
    fc.record({ agent: fc.constantFrom("up", "down", "drain", "maint", "ready", "50%", "") }),
    fc.record({ order: fc.constantFrom("drain", "maintain", null) }),
    fc.record({ declared: fc.boolean() }),
    fc.constant({ failed: true }),
    fc.constant({ reached: true }),
  );

  it("a target takes new connections exactly when none of them says no", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(act, fc.integer({ min: 0, max: 40 })), { maxLength: 25 }), async (acts) => {
        const w = world();
        const name = "p/10.0.0.1:80";
        w.registry.declare("p", [declared("10.0.0.1")]);
        for (const [act, steps] of acts) {
          const {
            report,
            check,
            agent,
            order,
            declared: isDeclared,
            failed,
            reached,
          } = act as {
            report?: string;
            check?: boolean | null;
            agent?: string;
            order?: "drain" | "maintain" | null;
            declared?: boolean;
            failed?: true;
            reached?: true;
          };
          if (report !== undefined)
            w.report("a", { health: report === "down" ? "down" : "up", drain: report === "drain" });
          if (check !== undefined) w.answers.set("10.0.0.1", check);
          if (agent !== undefined) w.words.set("10.0.0.1", agent);
          if (order !== undefined && w.pool.view(name)) w.registry.ordering.order(name, { state: order }, "alice");
          if (isDeclared !== undefined) w.registry.declare("p", isDeclared ? [declared("10.0.0.1")] : []);
          if (failed && w.state(name) === "up") w.pool.setState(name, "suspect", "ECONNREFUSED");
          if (reached) w.registry.reached(name);
          await w.pass(steps * 50);
          for (const view of [w.pool.view(name), w.pool.view("p/a")]) {
            if (view === undefined) continue;
            const { verdicts } = w.registry.standingOf(view.identity)!;
            assert.equal(
              view.state === "up",
              verdicts.every(({ says }) => says === "up"),
              JSON.stringify(verdicts),
            );
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
