/** What is read of a machine's processors, from files as kernels write them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allowedByMax, allowedByQuota, usedMicros } from "../../src/host/cgroup-gauges.ts";
import { cgroupMounts, cgroupsAbove, ownCgroups } from "../../src/host/cgroups.ts";
import { gaugeOf } from "../../src/host/gauge.ts";
import { hostHeadroom } from "../../src/host/headroom.ts";
import { stalled } from "../../src/host/pressure.ts";
import { processorGauge, processorTime } from "../../src/host/processors.ts";
import fc from "../support/draws.ts";

type Files = Record<string, string>;
const reader = (files: Files) => (path: string) => files[path] ?? null;

const MOUNTS_V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const MOUNTS_V1 = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;
const never = new AbortController().signal;
const WEB = "/sys/fs/cgroup/system.slice/web.service";

/** A machine with two processors, as version 2 shows it. `busy`, `idle`: hundredths of a second; `waited`: µs. */
function machine(busy: number, idle: number, waited = 0): Files {
  return {
    "/proc/stat": `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 1 1 1 0 0 0 0 0 0\n`,
    "/proc/pressure/cpu": pressure(waited),
    "/proc/self/mountinfo": MOUNTS_V2,
    "/proc/self/cgroup": "0::/system.slice/web.service\n",
  };
}

function pressure(waited: number): string {
  return `some avg10=1.00 avg60=2.00 avg300=3.00 total=${waited}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`;
}

/** `used`, `waited`: µs. */
function limited(max: string, used: number, waited = 0, folder = WEB): Files {
  return {
    [`${folder}/cpu.max`]: max,
    [`${folder}/cpu.stat`]: `usage_usec ${used}\nuser_usec 1\n`,
    [`${folder}/cpu.pressure`]: pressure(waited),
  };
}

/** What is left of a second between two states of its files, in thousandths. */
async function left(before: Files, after: Files, cgroup: string | null = null): Promise<number | null> {
  let files = before;
  const measure = hostHeadroom(cgroup, (path) => files[path] ?? null);
  await measure(0, never);
  files = after;
  const headroom = await measure(1_000, never);
  return headroom && Math.round(headroom * 1000);
}

describe("the processors of a machine", () => {
  it("are busy for everybody that uses them, and with what a hypervisor gives to others", () => {
    const time = processorTime("cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4\n");
    assert.deepEqual(time, { busy: 100 + 20 + 30 + 6 + 7 + 8, idle: 4050 });
    assert.equal(processorTime("intr 5\n"), null);
    assert.equal(processorTime("cpu  1 2\n"), null);
  });

  it("are told by the runtime where there is no /proc/stat", () => {
    const gauge = processorGauge(() => null);
    assert.equal(gauge(0), null);
    for (const end = performance.now() + 50; performance.now() < end; ); // so that some ticks pass
    const busy = gauge(50);
    assert.ok(busy !== null && busy > 0 && busy <= 1, String(busy));
  });

  it("have left what nobody has used", async () => {
    assert.equal(await left(machine(1_000, 1_000), machine(1_150, 1_050)), 250);
  });

  it("have no more left than the part of the time in which nothing waited for them", async () => {
    assert.equal(await left(machine(0, 0), machine(50, 150, 400_000)), 600);
    assert.equal(stalled("full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"), null);
  });
});

describe("a cgroup with a limit", () => {
  it("has left what it may use and has not", async () => {
    const before = { ...machine(0, 0), ...limited("150000 100000\n", 0) };
    assert.equal(await left(before, { ...machine(10, 190), ...limited("150000 100000\n", 1_200_000) }), 200);
  });

  it("has no more left than its pressure says, nor than the machine", async () => {
    const before = { ...machine(0, 0), ...limited("150000 100000\n", 0) };
    assert.equal(await left(before, { ...machine(10, 190), ...limited("150000 100000\n", 0, 700_000) }), 300);
    assert.equal(await left(before, { ...machine(190, 10), ...limited("150000 100000\n", 0) }), 50);
  });

  it("does not count while it has none, and counts from when it has one", async () => {
    const none = { ...machine(0, 0), ...limited("max 100000\n", 0) };
    const used = { ...machine(100, 100), ...limited("max 100000\n", 9_000_000, 900_000) };
    assert.equal(await left(none, used), 500);
    assert.equal(await left(none, { ...used, ...limited("100000 100000\n", 9_000_000, 900_000) }), 500);
    assert.equal(
      await left(
        { ...none, ...limited("100000 100000\n", 0) },
        { ...machine(0, 200), ...limited("100000 100000\n", 750_000) },
      ),
      250,
    );
  });

  it("may be one around that of the reporter, or another one that is named", async () => {
    const files = (used: number, idle: number): Files => ({
      ...machine(0, idle),
      ...limited("100000 100000\n", used, 0, "/sys/fs/cgroup/system.slice"),
      ...limited("50000 100000\n", used / 4, 0, "/sys/fs/cgroup/db"),
    });
    assert.equal(await left(files(0, 0), files(800_000, 200)), 200);
    assert.equal(await left(files(0, 0), files(800_000, 200), "/db"), 600);
  });

  it("is read in version 1 as well", async () => {
    const files = (nanos: number, idle: number): Files => ({
      ...machine(0, idle),
      "/proc/self/mountinfo": MOUNTS_V1,
      "/proc/self/cgroup": "4:cpu,cpuacct:/web\n1:name=systemd:/x\n0::/y\n",
      "/sys/fs/cgroup/cpu,cpuacct/web/cpu.cfs_quota_us": "50000\n",
      "/sys/fs/cgroup/cpu,cpuacct/web/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu,cpuacct/web/cpuacct.usage": `${nanos}\n`,
    });
    assert.equal(await left(files(0, 0), files(400_000_000, 200)), 200);
  });

  it("has its limit in the words of both versions", () => {
    assert.equal(allowedByMax("150000 100000\n"), 1.5);
    assert.equal(allowedByMax("max 100000\n"), null);
    assert.equal(allowedByMax("5 0"), null);
    assert.equal(allowedByQuota("50000\n", "100000\n"), 0.5);
    assert.equal(allowedByQuota("-1\n", "100000\n"), null);
    assert.equal(allowedByQuota("", ""), null);
    assert.equal(usedMicros("user_usec 1\nusage_usec 12\n"), 12);
    assert.equal(usedMicros(""), null);
  });
});

describe("where cgroups are", () => {
  const folders = (mountinfo: string, cgroup: string, named: string | null = null) =>
    cgroupsAbove(reader({ "/proc/self/mountinfo": mountinfo, "/proc/self/cgroup": cgroup }), named).map(
      ({ limit }) => limit,
    );

  it("is their mount, and the path in it, with all above", () => {
    const expected = ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"];
    assert.deepEqual(folders(MOUNTS_V2, "0::/a/b\n"), expected);
    assert.deepEqual(folders(MOUNTS_V2, "0::/c\n", "/a/b"), expected);
  });

  it("is the mount alone in a container that sees no more than its own", () => {
    const bound = "30 23 0:26 /docker/1f /sys/fs/cgroup ro - cgroup cgroup ro,cpu,cpuacct\n";
    assert.deepEqual(folders(MOUNTS_V2, "0::/\n"), ["/sys/fs/cgroup"]);
    assert.deepEqual(folders(bound, "4:cpu,cpuacct:/docker/1f\n"), ["/sys/fs/cgroup"]);
    assert.deepEqual(folders(bound, "4:cpu,cpuacct:/docker/1f/in\n"), ["/sys/fs/cgroup/in", "/sys/fs/cgroup"]);
  });

  it("may have blanks, and several controllers", () => {
    assert.deepEqual(cgroupMounts("1 2 0:3 /a\\040b /mnt/c\\134d rw - cgroup cgroup rw,cpu\n"), [
      { root: "/a b", at: "/mnt/c\\d", controllers: ["rw", "cpu"] },
    ]);
    assert.deepEqual(Object.fromEntries(ownCgroups("3:cpu,cpuacct:/web\n1:name=systemd:/x\n0::/y z\n")), {
      cpu: "/web",
      cpuacct: "/web",
      "name=systemd": "/x",
      cgroup2: "/y z",
    });
  });

  it("is nowhere for what cannot be read, whatever it says", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (mountinfo, cgroup) => {
        folders(mountinfo, cgroup);
      }),
    );
    assert.deepEqual(folders("", ""), []);
  });
});

describe("a gauge", () => {
  it("tells nothing of a counter in which no time passes, or that has no end", () => {
    for (const [used, size] of [
      [0, Number.MIN_VALUE],
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ] as const) {
      let reading = { used: 0, size };
      const gauge = gaugeOf(() => reading);
      gauge(0);
      reading = { used, size };
      assert.equal(gauge(0.25), null);
    }
  });

  it("is between nothing and all, whatever its counter and the clock do", () => {
    const passes = fc.double({ min: 0, max: 1e6, noNaN: true });
    const readings = fc.array(
      fc.record({ used: fc.double({ noNaN: true }), size: fc.double({ noNaN: true }), passes }),
    );
    fc.assert(
      fc.property(readings, (all) => {
        let reading = { used: 0, size: 0 };
        let now = 0;
        const gauge = gaugeOf(() => reading);
        for (const { passes, ...next } of all) {
          reading = next;
          now += passes;
          const part = gauge(now);
          assert.ok(part === null || (part >= 0 && part <= 1), String(part));
        }
      }),
    );
  });
});
