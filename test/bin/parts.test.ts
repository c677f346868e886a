/** Parts of the programs that need no process. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import type { Balancer, BalancerEvents } from "../../src/app/balancer.ts";
import type { PoolTarget } from "../../src/app/views.ts";
import { logBalancer } from "../../src/bin/balancer-log.ts";
import type { PartedLog } from "../../src/bin/log.ts";
import { poolTable, targetTable } from "../../src/bin/target-table.ts";
import { agoText } from "../../src/bin/terminal/units.ts";
import type { TriedTarget } from "../../src/proxy/record.ts";
import { failureText, TriedCounter } from "../../src/telemetry/tried-counter.ts";
import { UnavailableCounter } from "../../src/telemetry/unavailable-counter.ts";
import { Emitter } from "../../src/util/emitter.ts";
import { ManualClock } from "../support/clock.ts";
import { startScript } from "../support/program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
after(() => esbuild.stop());

const target: PoolTarget = {
  pool: "default",
  sources: ["registered"],
  identity: "default/web-1",
  address: { host: "::1", port: 8080 },
  state: "up",
  weight: 500,
  maxConnections: 0,
  credits: null,
  elsewhere: 0,
  priority: 0,
  backup: false,
  sendProxy: "pool",
  active: 3,
  total: 12,
  failures: 0,
  bytesIn: 1000,
  bytesOut: 2_000_000,
  connectMs: 0.25,
  failure: null,
  panic: false,
};

describe("the table of targets", () => {
  test("has a head and an aligned line per target", () => {
    const table = targetTable([
      target,
      { ...target, identity: "default/b", address: { path: "/run/b" }, connectMs: null },
      { ...target, state: "suspect", failure: "ECONNREFUSED" },
      { ...target, panic: true },
      { ...target, state: "suspect", failure: "ETIMEDOUT", panic: true },
      { ...target, backup: true, sources: ["registered", "static"] },
      { ...target, sources: ["shared"] },
    ]);
    const lines = table.split("\n").slice(1);
    assert.equal(lines.length, 8);
    assert.equal(new Set(lines.map((line) => line.length)).size, 1, table);
    assert.match(lines[1]!, /^ {2}default\/web-1 +\[::1\]:8080 +up +500 +3 +12 +0 +1000 +2000000 +0\.3 ms$/);
    assert.match(lines[2]!, /\/run\/b .* -$/);
    assert.match(lines[3]!, / suspect \(ECONNREFUSED\) +500 /);
    assert.match(lines[4]!, / up \(panic\) +500 /);
    assert.match(lines[5]!, / suspect \(ETIMEDOUT, panic\) +500 /);
    assert.match(lines[6]!, / up \(backup, registered, static\) +500 /);
    assert.match(lines[7]!, / up \(shared\) +500 /);
  });
  test("has one of pools before it where there are several", () => {
    const pool = { name: "web", origin: "defined", active: 3, waiting: 10 } as const;
    assert.equal(poolTable([pool]), "");
    const [, head, , db] = poolTable([pool, { ...pool, name: "db", origin: "brought", waiting: 0 }]).split("\n");
    assert.equal(head, "  pool  origin   active  waiting");
    assert.equal(db, "  db    brought       3        0");
  });
  test("is empty without targets", () => {
    assert.equal(targetTable([]), "");
  });
});

describe("how long ago something was", () => {
  test("is said in minutes, hours or days, rounded down", () => {
    const [minute, hour] = [60_000, 3_600_000];
    const cases: [ms: number, text: string][] = [
      [0, "now"],
      [minute - 1, "now"],
      [minute, "1 min ago"],
      [2 * hour - 1, "119 min ago"],
      [2 * hour, "2 h ago"],
      [48 * hour - 1, "47 h ago"],
      [48 * hour, "2 days ago"],
    ];
    for (const [ms, text] of cases) assert.equal(agoText(ms), text);
  });
});

describe("connections that got no target", () => {
  const NO_TARGETS = { pool: "default", cause: "no-targets", queuedMs: 0, tried: [] } as const;
  const failedOn = (...tried: TriedTarget[]) => ({ ...NO_TARGETS, cause: "connect-failed", tried }) as const;
  const refused = (target: string) => ({ target, code: "ECONNREFUSED" }) as const;

  test("the first is logged at once, those after it together", () => {
    const told: string[] = [];
    const counter = new UnavailableCounter((text) => told.push(text));
    counter.count(NO_TARGETS);
    assert.deepEqual(told, ["1 connection got no target: no target is up and below its limit"]);
    for (let i = 0; i < 5; i++) counter.count({ ...NO_TARGETS, cause: "queue-full" });
    assert.equal(told.length, 1);
    counter.flush();
    assert.deepEqual(told.slice(1), ["5 connections got no target: the queue is full"]);
    counter.flush();
    assert.equal(told.length, 2, "nothing is told twice");
  });

  test("those who waited for the first target are said to have waited", () => {
    const told: string[] = [];
    const counter = new UnavailableCounter((text) => told.push(text));
    counter.count({ ...NO_TARGETS, queuedMs: 2_004 });
    counter.count({ ...NO_TARGETS, queuedMs: 0.4 });
    counter.flush();
    assert.deepEqual(told, [
      "1 connection got no target: no target is up and below its limit, also after 2.0 s in the queue",
      "1 connection got no target: no target is up and below its limit, also after 1 ms in the queue",
    ]);
  });

  test("an outage is summed up with growing intervals, until one passes without any", () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const counter = new UnavailableCounter((text) => told.push(text), clock);
    counter.count(NO_TARGETS);
    for (let second = 1; second <= 200; second++) {
      counter.count(NO_TARGETS);
      clock.advance(1_000);
    }
    // At once, after 1, 3, 7, 15, 31, 63, 123 and 183 s.
    assert.equal(told.length, 9);
    assert.equal(told[4], "8 connections got no target in the last 8s: no target is up and below its limit");
    clock.advance(60_000);
    assert.equal(clock.pending, 1, "what came in the last window has been told");
    clock.advance(60_000);
    assert.equal(clock.pending, 0);
    counter.count(NO_TARGETS);
    assert.equal(told.at(-1), "1 connection got no target: no target is up and below its limit");
  });

  test("pools are summed up each by itself, and are named but for the default one", () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const counter = new UnavailableCounter((text, { pool }) => told.push(`${pool}: ${text}`), clock);
    for (const pool of ["default", "db", "db"]) counter.count({ ...NO_TARGETS, pool });
    assert.deepEqual(told.splice(0), [
      "default: 1 connection got no target: no target is up and below its limit",
      "db: 1 connection got no target in pool db: no target is up and below its limit",
    ]);
    clock.advance(1_000);
    assert.deepEqual(told, [
      "db: 1 connection got no target in pool db in the last 1s: no target is up and below its limit",
    ]);
    clock.advance(2_000);
    assert.equal(clock.pending, 0, "nothing is kept of a pool whose outage is over");
  });

  test("a target that has left since it was tried is called that", () => {
    assert.equal(failureText({ target: null, code: "ECONNREFUSED" }), "one that has left refused");
  });

  test("the targets that were tried are named, with why and for how many", () => {
    const told: string[] = [];
    const facts: unknown[] = [];
    const counter = new UnavailableCounter((text, { tried }) => {
      told.push(text);
      facts.push(tried);
    });
    const late = { target: "default/b", code: "ETIMEDOUT" } as const;
    counter.count(failedOn(refused("default/a"), late));
    assert.deepEqual(told, [
      "1 connection got no target: every target tried failed: default/a refused, default/b timed out",
    ]);
    counter.count(failedOn(late));
    counter.count(failedOn(refused("default/a"), late));
    counter.count({ ...NO_TARGETS, cause: "queue-timeout", tried: [refused("default/a")] });
    counter.flush();
    assert.deepEqual(told.slice(1), [
      "2 connections got no target: every target tried failed: default/b timed out (2), default/a refused (1)",
      "1 connection got no target: waiting in the queue took too long; tried before: default/a refused",
    ]);
    assert.deepEqual(facts[1], [
      { ...late, connections: 2 },
      { ...refused("default/a"), connections: 1 },
    ]);
  });

  test("ten thousand of them make no longer a line than a few, and are not all kept", () => {
    const sums = new TriedCounter();
    const many = (from: number, count: number) => Array.from({ length: count }, (_, i) => refused(`t${from + i}`));
    sums.add(many(0, 45));
    sums.add([refused("t44")]);
    const few = sums.sum(true);
    assert.match(few.text, /^t44 refused \(2\), t0 refused \(1\), (t\d+ refused \(1\), ){6}and 37 more$/);
    assert.equal(few.tried.length, 8);
    for (let i = 0; i < 100; i++) sums.add(many(100 * i, 100));
    assert.match(sums.sum(true).text, /, and more than 1016 more$/);
  });
});

describe("what the balancer's program logs", () => {
  test("of a reload is how many changes there are, and how many of them are not in force", () => {
    const balancer = new (class extends Emitter<BalancerEvents> {})();
    const said: string[] = [];
    const say = (level: string) => (text: string) => void said.push(`${level} ${text}`);
    const log = {
      debug: say("-"),
      info: say("info"),
      warning: say("warning"),
      error: say("error"),
      isDebug: false,
      part: () => log,
    };
    logBalancer(balancer as Balancer, log);
    const gone = { kind: "remove-pool", pool: "web" } as const;
    const admin = { kind: "restart", option: "admin", before: "1666", after: "1667" } as const;
    balancer.emit("reloaded", [gone]);
    balancer.emit("reloaded", [gone, admin]);
    balancer.emit("reloaded", [admin, admin]);
    const waits = "warning reloaded: admin 1666 → 1667: needs a restart, and stays as it is until then";
    const removed = "info reloaded: pool web: removed, once its connections have ended";
    assert.deepEqual(said, [
      "info reloaded: 1 change",
      removed,
      "info reloaded: 2 changes, 1 of which waits for a restart",
      removed,
      waits,
      "info reloaded: 2 changes, 2 of which wait for a restart",
      waits,
      waits,
    ]);
  });

  test("of keys is how many there are, and of --insecure that anyone may register", () => {
    const balancer = new (class extends Emitter<BalancerEvents> {})();
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const log: PartedLog = { debug: say, info: say, warning: say, error: say, isDebug: false, part: () => log };
    logBalancer(balancer as Balancer, log);
    balancer.emit("keysLoaded", { count: 2, file: "/k", reporters: 0, insecure: false });
    assert.deepEqual(said.splice(0), ["2 keys loaded from /k"]);
    balancer.emit("keysLoaded", { count: 1, file: "/k", reporters: 0, insecure: true });
    balancer.emit("keysLoaded", { count: 0, file: null, reporters: 0, insecure: true });
    const warning = "anyone who reaches the admin port may register a target, without a key (--insecure)";
    assert.deepEqual(said.splice(0), [warning, "1 key loaded from /k", warning]);
    balancer.emit("keysLoaded", { count: 0, file: null, reporters: 3, insecure: false });
    balancer.emit("keysLoaded", { count: 0, file: "/k", reporters: 3, insecure: false });
    for (const reporters of [1, 0, 0])
      balancer.emit("keysLoaded", { count: 0, file: null, reporters, insecure: false });
    assert.deepEqual(said, [
      "3 reporters may come with keys of their own",
      "3 reporters may come with keys of their own",
      "0 keys loaded from /k",
      "1 reporter may come with a key of its own",
      "0 reporters may come with keys of their own",
    ]);
  });

  test("of a panic, a lost reporter and a suspect says what is the case, once, and what to do", () => {
    const balancer = Object.assign(new (class extends Emitter<BalancerEvents> {})(), {
      adminAddresses: [{ host: "10.0.0.1", port: 1666 }],
    });
    const said: string[] = [];
    const facts: unknown[] = [];
    const say = (level: string) => (text: string, properties?: object) => {
      said.push(`${level} ${text}`);
      facts.push(properties);
    };
    const log = {
      debug: say("debug"),
      info: say("info"),
      warning: say("warning"),
      error: say("error"),
      isDebug: false,
      part: () => log,
    };
    logBalancer(balancer as unknown as Balancer, log);
    const next = () => said.shift() ?? assert.fail("nothing was said");
    const web = { identity: "default/web", address: { host: "10.0.0.7", port: 80 }, weight: 1 };

    balancer.emit("panicStart", "default", { silentMs: 61_234, targets: 3, accepting: 2 });
    // Not `targets`: that is a list in the table's line, and whoever stores the lines wants one type for each name.
    assert.deepEqual(facts, [{ pool: "default", silentMs: 61_234, silent: 3, accepting: 2 }]);
    const begun = next();
    assert.match(begun, /^error pool default is in panic: none of its reporters has been heard for 61\.2 s/);
    assert.match(
      begun,
      /: 2 of the 3 targets .* keeps reporters from 10\.0\.0\.1:1666: .* do not restart this balancer/,
    );
    balancer.emit("panicStart", "default", { silentMs: 61_234, targets: 3, accepting: 0 });
    assert.match(next(), /None of the 3 targets that they spoke for accepts connections/);
    balancer.emit("panicEnd", "default", 600_000);
    assert.match(
      next(),
      /^warning pool default is no longer in panic, after 600\.0 s: a reporter has been heard again/,
    );

    balancer.emit("reporterLost", web, { reporter: { host: "10.0.0.7", port: 5000 }, leaseMs: 42_000 });
    assert.match(
      next(),
      /^warning the connection with the reporter of target default\/web, at 10\.0\.0\.7:5000, .* in 42\.0 s/,
    );
    balancer.emit("targetSuspect", web, { code: "ETIMEDOUT", isNew: false });
    assert.match(next(), / connecting to 10\.0\.0\.7:80 failed \(timed out\); /);
    assert.deepEqual(said, []);
  });

  test("of a fault of its own is one line, without a stack", async () => {
    const program = startScript("test/bin/own-fault.ts");
    assert.deepEqual(await program.ended(), { code: 1, signal: null });
    assert.match(program.stderr, /^\S+ \S+ \S+ ERR a fault in the program itself: out of order; please report it\n$/);
  });
});

describe("the module graph", () => {
  // CommonJS has no top-level await: a build in that form fails where there is one, as require() would.
  for (const condition of ["node", "bun", "deno"]) {
    test(`can be loaded by require() on ${condition}: no top-level await`, async () => {
      const bins = readdirSync(join(root, "src/bin")).filter((name) => name.startsWith("harmony-"));
      const result = await esbuild.build({
        absWorkingDir: root,
        entryPoints: ["src/index.ts", ...bins.map((name) => `src/bin/${name}`)],
        bundle: true,
        write: false,
        outdir: "unused",
        format: "cjs",
        platform: "node",
        conditions: condition === "node" ? [] : [condition],
        external: ["bun", "bun:*"],
        logLevel: "silent",
      });
      assert.equal(result.outputFiles.length, 1 + bins.length);
    });
  }
});
