import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type LevelOrder, readState, writeState } from "../../../src/app/state/format.ts";
import { openState } from "../../../src/app/state/open.ts";
import { StateFile, type StateFileOptions } from "../../../src/app/state/state-file.ts";
import { hostEnvironment } from "../../../src/control/keys/key-places.ts";
import type { Order } from "../../../src/targets/orders.ts";
import { deferred } from "../../../src/util/deferred.ts";
import { codeOf } from "../../../src/util/errors.ts";
import { ManualClock } from "../../support/clock.ts";
import fc from "../../support/draws.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { settle, within } from "../../support/wait.ts";

const ORDER: Order = {
  state: "drain",
  factor: 0.5,
  by: "alice",
  reason: "its disk is full",
  at: Date.UTC(2026, 10, 30),
  address: { host: "10.0.0.1", port: 80 },
};
const DEBUG: LevelOrder = { level: { least: "debug", parts: { targets: "error" } }, by: "alice" };
after(removeFolders);

function textOf(...orders: (readonly [string, Order])[]): string {
  return writeState({ orders: new Map(orders), logLevel: null });
}

const unix = process.platform !== "win32";

function open(given: Partial<StateFileOptions> & { readonly folder?: string } = {}) {
  const { folder = temporaryFolder("state"), ...options } = given;
  const path = join(folder, "state.json");
  const clock = new ManualClock();
  const warnings: string[] = [];
  const make = () =>
    new StateFile({
      path,
      isOwnPlace: false,
      clock,
      wallClock: () => ORDER.at,
      onWarning: (message) => warnings.push(message),
      ...options,
    });
  return { folder, path, clock, warnings, make, state: make() };
}

describe("the state file", () => {
  it("keeps orders for the next balancer, where its own user alone may read them", async () => {
    const { path, make, state, warnings, folder } = open();
    assert.equal(existsSync(path), false, "nothing is written before anything is ordered");
    state.orders.set(["web/a"], ORDER);
    await state.keep();
    state.orders.set(["web/b"], { ...ORDER, state: null, address: { path: "/run/b.sock" } });
    await state.keep();
    if (unix) assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual([...make().orders.all()], [...state.orders.all()]);
    state.orders.set(["web/a"], null);
    state.orders.set(["web/b"], null);
    await state.keep();
    assert.equal(make().orders.size, 0);
    assert.deepEqual(readdirSync(folder), ["state.json"]);
    assert.deepEqual(warnings, []);
  });

  it("keeps the level of the log", async () => {
    const { make, state } = open();
    assert.equal(state.logLevel, null);
    state.logLevel = DEBUG;
    await state.keep();
    assert.deepEqual(make().logLevel, DEBUG);
    state.logLevel = null;
    await state.keep();
    assert.equal(make().logLevel, null);
  });

  it("has all orders that were given while it was being written", async () => {
    const { make, state } = open();
    const kept = Array.from({ length: 20 }, (_, i) => {
      state.orders.set([`web/${i}`], ORDER);
      return state.keep();
    });
    await Promise.all(kept);
    assert.equal(make().orders.size, 20);
  });

  it("that is damaged is set aside and said, and begins anew", async () => {
    for (const text of [
      "",
      "{",
      '{"version":1}',
      "[]",
      `${textOf(["a", ORDER])}x`,
      '{"version":1,"orders":[{}]}',
      '{"version":1,"orders":[],"logLevel":{"level":"loud","by":"alice"}}',
    ]) {
      const folder = temporaryFolder("state");
      writeFileSync(join(folder, "state.json"), text, { mode: 0o600 });
      const { state, warnings, path, make } = open({ folder });
      assert.equal(state.orders.size, 0);
      assert.match(
        warnings[0]!,
        /is damaged \(.*\): it has been set aside as .*state\.json\.damaged-2026-11-30T00-00-00-000Z/,
      );
      const [aside] = readdirSync(folder);
      assert.equal(readFileSync(join(folder, aside!), "utf8"), text);
      state.orders.set(["web/a"], ORDER);
      await state.keep();
      assert.ok(existsSync(path));
      assert.equal(make().orders.size, 1);
    }
  });

  it("of another version is neither used nor overwritten", async () => {
    const folder = temporaryFolder("state");
    const text = '{"version":2,"whatever":true}';
    writeFileSync(join(folder, "state.json"), text, { mode: 0o600 });
    const { state, warnings, path } = open({ folder });
    assert.match(
      warnings[0]!,
      /neither used nor written: it was written by another version of Harmony \(its format is 2, this one reads 1\)/,
    );
    state.orders.set(["web/a"], ORDER);
    await state.keep();
    await state.close();
    assert.equal(readFileSync(path, "utf8"), text);
    assert.equal(warnings.length, 1);
  });

  it("that others may write, or that is none, is neither used nor overwritten", { skip: !unix }, async () => {
    const folder = temporaryFolder("state");
    const path = join(folder, "state.json");
    writeFileSync(path, textOf(["web/a", ORDER]));
    chmodSync(path, 0o666);
    const { state, warnings } = open({ folder });
    assert.equal(state.orders.size, 0);
    assert.match(warnings[0]!, /other users may write it: run chmod 600/);
    rmSync(path);
    mkdirSync(path);
    const other = open({ folder });
    assert.match(other.warnings[0]!, /it is not a regular file/);
    await other.state.keep();
    assert.ok(statSync(path).isDirectory());
  });

  it("is not overwritten once somebody else has changed it", async () => {
    const { state, warnings, path, make } = open();
    state.orders.set(["web/a"], ORDER);
    await state.keep();
    const other = make();
    other.orders.set(["web/b"], ORDER);
    await other.keep();
    state.orders.set(["web/c"], ORDER);
    await state.keep();
    assert.match(warnings[0]!, /somebody else has changed it: another balancer, perhaps/);
    assert.deepEqual([...readState(readFileSync(path, "utf8")).orders.keys()], ["web/a", "web/b"]);
    await state.close();
  });

  it("that cannot be written is told once, tried again, and told again when it can", async () => {
    let isFull = true;
    const written: string[] = [];
    const write = async (path: string, text: string) => {
      if (isFull) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      written.push(text);
      writeFileSync(path, text, { mode: 0o600 });
    };
    const { state, warnings, clock } = open({ write });
    state.orders.set(["web/a"], ORDER);
    await state.keep();
    assert.equal(state.orders.size, 1, "it is in force");
    assert.match(
      warnings[0]!,
      /is not written \(ENOSPC.*\); what is ordered is in force, and will be forgotten when this balancer stops/,
    );
    state.orders.set(["web/b"], ORDER);
    await state.keep();
    assert.equal(warnings.length, 1);
    isFull = false;
    clock.advance(10_000);
    await settle();
    assert.equal(written.length, 1);
    assert.equal(readState(written[0]!).orders.size, 2);
    assert.match(warnings[1]!, /is written again/);
    assert.equal(clock.pending, 0);
  });

  it("is tried a last time when the balancer stops, and leaves no timer", async () => {
    let attempts = 0;
    const { state, clock } = open({
      write: () => {
        attempts += 1;
        return Promise.reject(new Error("ENOSPC"));
      },
    });
    state.orders.set(["web/a"], ORDER);
    await state.keep();
    await state.close();
    assert.equal(attempts, 2);
    assert.equal(clock.pending, 0);
  });

  it("makes nobody wait for a disk that does not answer", async () => {
    const disk = deferred<void>();
    const { state, clock } = open({ write: () => disk.promise });
    state.orders.set(["web/a"], ORDER);
    const kept = state.keep();
    await settle();
    clock.advance(2_000);
    await kept;
    disk.resolve();
    await state.close();
    assert.equal(clock.pending, 0);
  });

  it("does not keep a balancer from stopping on a disk that does not answer", async () => {
    const { state, clock } = open({ write: () => new Promise(() => undefined) });
    state.orders.set(["web/a"], ORDER);
    void state.keep();
    const closed = state.close();
    await settle();
    clock.advance(2_000);
    await within("the state file to be closed", closed);
    assert.equal(clock.pending, 0);
  });

  it("stays where a link names it", { skip: !unix }, async () => {
    const folder = temporaryFolder("state");
    mkdirSync(join(folder, "there"));
    symlinkSync(join(folder, "there", "real.json"), join(folder, "state.json"));
    writeFileSync(join(folder, "there", "real.json"), textOf(), { mode: 0o600 });
    const { state } = open({ folder });
    state.orders.set(["web/a"], ORDER);
    await state.keep();
    assert.equal(readState(readFileSync(join(folder, "there", "real.json"), "utf8")).orders.size, 1);
    assert.deepEqual(readdirSync(folder).sort(), ["state.json", "there"]);
  });
});

describe("the place of the state file", () => {
  const settings = { keyFile: null, reporters: null };
  const environmentOf = (env: Record<string, string>, home: string) => ({
    ...hostEnvironment(),
    env,
    home,
    etc: home,
    state: home,
  });

  it("is the service's folder of state, or beside the key, whose folder it makes", async () => {
    const folder = temporaryFolder("state");
    const given = environmentOf({ STATE_DIRECTORY: `${folder}:/nowhere` }, folder);
    assert.equal(openState({ ...settings, state: "auto" }, assert.fail, given)!.path, join(folder, "state.json"));
    const keyFile = join(folder, "key");
    const beside = environmentOf({}, folder);
    assert.equal(
      openState({ ...settings, keyFile, state: "auto" }, assert.fail, beside)!.path,
      join(folder, "state.json"),
    );
    const own = openState(
      { ...settings, state: "auto" },
      assert.fail,
      environmentOf({ XDG_CONFIG_HOME: join(folder, "config") }, folder),
    )!;
    assert.equal(own.path, join(folder, "config", "harmony", "state.json"));
    own.orders.set(["web/a"], ORDER);
    await own.keep();
    assert.ok(existsSync(own.path));
    assert.equal(openState({ ...settings, state: "off" }, assert.fail), null);
  });

  it("has to have a folder where it is named", () => {
    const path = join(temporaryFolder("state"), "mistyped", "state.json");
    assert.throws(() => openState({ ...settings, state: { path } }, assert.fail), { code: "BAD_STATE" });
  });
});

describe("the text of the state file", () => {
  const order = fc.record({
    state: fc.constantFrom("drain" as const, "maintain" as const, null),
    factor: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
    by: fc.string({ minLength: 1, maxLength: 60 }),
    reason: fc.option(fc.string({ minLength: 1, maxLength: 200 })),
    at: fc.nat(4_102_444_800_000),
    address: fc.oneof(
      fc.record({ host: fc.ipV6(), port: fc.nat(65_535) }, { noNullPrototype: true }),
      fc.record({ path: fc.string({ minLength: 1, maxLength: 100 }) }, { noNullPrototype: true }),
    ),
  });

  it("is read as it was written", () => {
    const orders = fc.dictionary(fc.string({ minLength: 1, maxLength: 100 }), order);
    fc.assert(
      fc.property(orders, fc.constantFrom(null, DEBUG), (given, level) => {
        const all = new Map(Object.entries(given));
        const { orders: read, logLevel } = readState(writeState({ orders: all, logLevel: level }));
        assert.deepEqual(logLevel, level);
        assert.deepEqual([...read.keys()], [...all.keys()]);
        for (const [name, one] of all)
          assert.deepEqual(read.get(name), { ...one, factor: one.factor && one.factor + 0 });
      }),
    );
  });

  it("is otherwise damaged, or another version's, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => JSON.stringify({ version: 1, orders: value })),
        ),
        (text) => {
          try {
            readState(text);
          } catch (error) {
            assert.ok(["DAMAGED", "OTHER_VERSION"].includes(codeOf(error) ?? ""), String(error));
          }
        },
      ),
    );
  });
});
