import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ServiceManager } from "../../src/bin/service-manager/manager.ts";
import { watchdogOf } from "../../src/bin/service-manager/open.ts";
import { ManualClock } from "../support/clock.ts";

interface Desk {
  readonly clock: ManualClock;
  readonly told: string[];
  readonly manager: ServiceManager;
  /** Whether the manager reads. */
  reads: boolean;
}

function desk(watchdog: number | null = null): Desk {
  const clock = new ManualClock();
  const told: string[] = [];
  const send = (text: string) => {
    if (made.reads) told.push(text);
    return made.reads;
  };
  const manager = new ServiceManager({ send, clock, monotonic: () => 1234.9, watchdog });
  const made: Desk = { clock, told, manager, reads: true };
  return made;
}

describe("the service manager", () => {
  it("hears a status when it changes, as one line", () => {
    const { clock, told, manager } = desk();
    let text = "one\ntwo";
    manager.status(() => text);
    clock.advance(60_000);
    text = "three";
    clock.advance(10_000);
    assert.deepEqual(told, ["STATUS=one two", "STATUS=three"]);
  });

  it("hears signs of life at half of the watchdog's time", () => {
    const { clock, told } = desk(3_000);
    clock.advance(1_499);
    assert.deepEqual(told, []);
    clock.advance(1_501);
    assert.deepEqual(told, ["WATCHDOG=1", "WATCHDOG=1"]);
  });

  it("hears times in whole microseconds", () => {
    const { told, manager } = desk();
    manager.reloading();
    assert.deepEqual(told, ["RELOADING=1\nMONOTONIC_USEC=1234"]);
  });

  it("is asked for more time while the program stops, and for no longer than that may take", () => {
    const { clock, told, manager } = desk();
    manager.status(() => "serving");
    manager.stopping(() => "stopping", 2_500);
    clock.advance(60_000);
    const extensions = told.filter((text) => text.startsWith("EXTEND_TIMEOUT_USEC=10000000"));
    assert.equal(extensions.length, 3);
    assert.equal(told.at(-1), "EXTEND_TIMEOUT_USEC=10000000");
    assert.ok(told.includes("STOPPING=1") && told.includes("STATUS=stopping"));
  });

  it("gets what it did not take, later and in order; of a lot of it, only the beginning", () => {
    const made = desk(100);
    const { clock, told, manager } = made;
    made.reads = false;
    manager.reloading();
    manager.ready();
    clock.advance(60_000);
    made.reads = true;
    clock.advance(100);
    assert.deepEqual(told.slice(0, 2), ["RELOADING=1\nMONOTONIC_USEC=1234", "READY=1"]);
    assert.ok(told.length < 40, `${told.length} messages`);
  });
});

describe("the watchdog", () => {
  const cases: [Record<string, string>, number | null][] = [
    [{}, null],
    [{ WATCHDOG_USEC: "30000000" }, 30_000],
    [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 30_000],
    [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, null],
    [{ WATCHDOG_USEC: "0" }, null],
    [{ WATCHDOG_USEC: "soon" }, null],
  ];
  for (const [env, expected] of cases) {
    it(`of ${JSON.stringify(env)} is ${expected}`, () => assert.equal(watchdogOf(env, 7), expected));
  }
});
