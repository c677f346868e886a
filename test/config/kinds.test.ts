import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  anyPort,
  expandLocalhost,
  hostName,
  listenAddresses,
  realPort,
  remoteHosts,
} from "../../src/config/address-kinds.ts";
import { agentCheckKind } from "../../src/config/agent-check-kind.ts";
import { balanceKind } from "../../src/config/balance-kind.ts";
import type { CheckChoice } from "../../src/config/check-kind.ts";
import { parseCheck } from "../../src/config/check-text.ts";
import type { Kind } from "../../src/config/kind.ts";
import {
  choice,
  duration,
  durationOrOff,
  entries,
  integer,
  onOff,
  persistence,
  sharing,
  text,
  textOrFile,
  threads,
} from "../../src/config/kinds.ts";
import { listenPlaces } from "../../src/config/listen-kind.ts";
import { targetList } from "../../src/config/target-kind.ts";
import fc from "../support/draws.ts";

const hosts = fc.constantFrom("localhost", "a.example.com", "10.0.0.5", "::1", "2001:db8::1", "fe80::1%eth0", "db_1");
const ports = fc.integer({ min: 1, max: 65_535 });
const IDLE = 1_800_000;

const socketPath = fc.stringMatching(/^\/[a-z.@/=]{1,20}$/);
const user = fc.option(fc.stringMatching(/^[a-z_][a-z0-9-]{0,5}$/));
const listen = fc.oneof(
  fc.record({ host: fc.oneof(hosts, fc.constant("")), port: ports }, { noNullPrototype: true }),
  fc.record({ path: socketPath, mode: fc.option(fc.nat(0o777)), owner: user, group: user }, { noNullPrototype: true }),
  fc.record({ fd: fc.integer({ min: 3, max: 999_999 }) }, { noNullPrototype: true }),
  fc.record({ fdName: fc.stringMatching(/^[a-z_][a-z0-9.@-]{0,5}$/) }, { noNullPrototype: true }),
);
const wanted = fc.oneof(
  fc.record({ kind: fc.constant("address"), address: fc.record({ path: socketPath }, { noNullPrototype: true }) }),
  fc.record({
    kind: fc.constant("address"),
    address: fc.record({ host: fc.constantFrom("10.0.0.5", "2001:db8::1"), port: ports }, { noNullPrototype: true }),
  }),
  fc.record({ kind: fc.constant("name"), host: fc.constantFrom("localhost", "a.example"), port: ports }),
  fc.record({ kind: fc.constant("srv"), name: fc.constantFrom("_pg._tcp.a.example", "a.example.") }),
);
const target = fc
  .record(
    {
      weight: fc.nat(1_000_000),
      maxConnections: fc.nat(16_777_215),
      priority: fc.nat(255),
      backup: fc.boolean(),
      check: fc.constantFrom<CheckChoice>(
        "off",
        ...["tcp", 'exec:a "b, c" "interval=\\"1s\\""', 'http:/x,y body="a \\\\ b"'].map(parseCheck),
      ),
      agentCheck: fc
        .constantFrom("9999", "off", '10.0.0.9:9 send="a, b\\n"')
        .map((text) => agentCheckKind.parse(text)!.value),
    },
    { requiredKeys: ["weight", "maxConnections", "priority", "backup"], noNullPrototype: true },
  )
  .chain((terms) => wanted.map((place) => ({ ...place, ...terms })));

const commandWord = fc.oneof(fc.string(), fc.constantFrom("floor=1", "interval=2s", "a b", "it's"));
const autoBalance = fc
  .record({
    command: fc.option(
      fc.array(
        commandWord.filter((word) => !word.includes("\0")),
        { minLength: 1, maxLength: 3 },
      ),
    ),
    cgroup: fc.option(fc.constantFrom("/", "/system.slice/web.service", "/a b")),
    ceiling: fc.integer({ min: 1, max: 1_000_000 }),
    interval: fc.integer({ min: 100, max: 2 ** 31 - 1 }),
  })
  .filter(({ command }) => command?.[0] !== "")
  .chain((auto) =>
    fc.integer({ min: 1, max: auto.ceiling }).map((floor) => {
      return { ...auto, floor, cgroup: auto.command === null ? auto.cgroup : null };
    }),
  );

/** Every kind, with values that it has. */
const kinds: { name: string; kind: Kind<unknown>; values: fc.Arbitrary<unknown> }[] = [
  { name: "integer", kind: integer(-1, 1000), values: fc.integer({ min: -1, max: 1000 }) },
  { name: "duration", kind: duration(0), values: fc.integer({ min: 0, max: 2 ** 31 - 1 }) },
  { name: "onOff", kind: onOff, values: fc.boolean() },
  { name: "choice", kind: choice(["a", "b"]), values: fc.constantFrom("a", "b") },
  { name: "text", kind: text("T", "any"), values: fc.string({ minLength: 1 }) },
  { name: "persistence", kind: persistence(IDLE), values: fc.option(fc.integer({ min: 1, max: 2 ** 31 - 1 })) },
  { name: "sharing", kind: sharing, values: fc.option(fc.integer({ min: 0, max: 5_000 })) },
  {
    name: "textOrFile",
    kind: textOrFile,
    values: fc.oneof(
      fc
        .string({ minLength: 1 })
        .filter((value) => !value.startsWith("@"))
        .map((value) => ({ text: value })),
      fc.string({ minLength: 1 }).map((file) => ({ file })),
    ),
  },
  { name: "balanceKind", kind: balanceKind(1_000_000), values: fc.oneof(fc.nat(1_000_000), autoBalance) },
  { name: "anyPort", kind: anyPort, values: fc.integer({ min: 0, max: 65_535 }) },
  {
    name: "listenAddresses",
    kind: listenAddresses,
    values: fc.array(fc.record({ host: fc.oneof(hosts, fc.constant("")), port: ports }, { noNullPrototype: true }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
  { name: "listenPlaces", kind: listenPlaces, values: fc.array(listen, { minLength: 1, maxLength: 3 }) },
  { name: "targetList", kind: targetList, values: fc.array(target, { minLength: 1, maxLength: 3 }) },
  {
    name: "remoteHosts",
    kind: remoteHosts,
    values: fc.array(fc.record({ host: hosts, port: fc.option(ports) }, { noNullPrototype: true }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
  { name: "hostName", kind: hostName, values: hosts },
  {
    name: "entries",
    kind: entries("some"),
    values: fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,9}$/), fc.stringMatching(/^[^,]{0,9}$/), {
      noNullPrototype: true,
    }),
  },
] as typeof kinds;

describe("a value's text form", () => {
  for (const { name, kind, values } of kinds) {
    test(`${name}: what is formatted is parsed back as the same value`, () => {
      fc.assert(
        fc.property(values, (value) => {
          assert.deepEqual(kind.parse(kind.format(value)), { value });
        }),
      );
    });
    test(`${name}: any text is either taken or refused, never an exception`, () => {
      fc.assert(
        fc.property(fc.string(), (given) => {
          const parsed = kind.parse(given);
          assert.ok(parsed === null || "value" in parsed);
        }),
      );
    });
  }
});

test("a place to listen on every interface is shown as its port alone", () => {
  assert.equal(listenAddresses.format([{ host: "", port: 3000 }]), "3000");
});

/** Texts that a kind takes with their values, and texts that it refuses. */
function table(name: string, kind: Kind<unknown>, taken: readonly (readonly [string, unknown])[], refused: string[]) {
  test(name, () => {
    for (const [given, value] of taken) assert.deepEqual(kind.parse(given), { value }, given);
    for (const given of refused) assert.equal(kind.parse(given), null, given);
  });
}

describe("what each kind takes and refuses", () => {
  table(
    "integer",
    integer(-1, 10),
    [
      ["-1", -1],
      ["10", 10],
      ["-0", 0],
      ["+3", 3],
    ],
    ["", "-2", "11", "1.5", "1e1", "0x1", "ten", " 1"],
  );
  table(
    "port of a server",
    realPort,
    [
      ["1", 1],
      ["65535", 65_535],
    ],
    ["0", "65536", "-1", "80x", "http"],
  );
  table(
    "duration, 0 allowed",
    duration(0),
    [
      ["0", 0],
      ["500ms", 500],
      ["1.5s", 1500],
      ["2h", 7_200_000],
    ],
    ["5", "5 years", "-1s", "25d", ""],
  );
  table(
    "keepalive",
    durationOrOff(4_000, 9_000),
    [
      ["off", 0],
      ["4s", 4_000],
      ["9s", 9_000],
    ],
    ["3999ms", "9001ms", "on", "0s", ""],
  );
  table(
    "threads",
    threads(4),
    [
      ["auto", 0],
      ["1", 1],
      ["4", 4],
    ],
    ["0", "5", "", "on"],
  );
  test("the text of each value reads back, of those that stand for a word, too", () => {
    assert.deepEqual([threads(4).format(0), threads(4).format(3)], ["auto", "3"]);
    assert.deepEqual([durationOrOff(1, 9).format(0), durationOrOff(1, 9).format(5)], ["off", "5ms"]);
  });
  test("a duration says whether it may be 0", () => {
    assert.match(duration(0).allowed, /, or 0$/);
    assert.match(duration(1).allowed, /, above 0$/);
  });
  table("duration, 0 refused", duration(1), [["1ms", 1]], ["0", "0s", "0.2ms"]);
  table(
    "switch",
    onOff,
    [
      ["on", true],
      ["yes", true],
      ["1", true],
      ["off", false],
      ["false", false],
    ],
    ["", "ON?", "2"],
  );
  table(
    "persistence",
    persistence(IDLE),
    [
      ["on", IDLE],
      ["off", null],
      ["30m", IDLE],
      ["0", null],
      ["5s", 5000],
    ],
    ["5", "perhaps"],
  );
  table(
    "sharing",
    sharing,
    [
      ["on", 0],
      ["off", null],
      ["wait 5ms", 5],
      ["wait 1.5s", 1_500],
      ["wait 0.05m", 3_000],
      ["wait 5s", 5_000],
    ],
    ["wait", "wait 0", "wait 0ms", "wait 6s", "wait on", "5ms", "wait5ms"],
  );
  test("the schema of sharing has every text that is taken, and of those that are not, only durations out of bounds", () => {
    const [, { pattern }] = sharing.schema!.anyOf as [unknown, { pattern: string }];
    const inSchema = new RegExp(pattern);
    const durations = duration(0);
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, "": 1, y: 1 };
    const texts = fc
      .tuple(fc.nat(6_000), fc.constantFrom(...Object.entries(units)))
      .map(([ms, [unit, size]]) => (ms / size).toFixed(9).replace(/\.?0+$/, "") + unit);
    fc.assert(
      fc.property(fc.constantFrom("wait ", "wait", "waits "), texts, (word, text) => {
        const ms = durations.parse(text)?.value ?? 0;
        const given = word + text;
        assert.equal(sharing.parse(given) !== null, inSchema.test(given) && ms >= 1 && ms <= 5_000, given);
      }),
    );
  });
  table(
    "text or file",
    textOrFile,
    [
      ["busy", { text: "busy" }],
      ["@/a b", { file: "/a b" }],
    ],
    ["@"],
  );
  table(
    "listen addresses",
    listenAddresses,
    [
      ["3000", [{ host: "", port: 3000 }]],
      ["*:3000", [{ host: "", port: 3000 }]],
      [":3000", [{ host: "", port: 3000 }]],
      ["127.0.0.1:0", [{ host: "127.0.0.1", port: 0 }]],
      ["[::1]:3000", [{ host: "::1", port: 3000 }]],
      [
        "80, [::]:81",
        [
          { host: "", port: 80 },
          { host: "::", port: 81 },
        ],
      ],
    ],
    [
      "",
      "70000",
      "host",
      "host:",
      "::1:3000",
      "[::1]",
      "[host]:80",
      "1.2.3:80",
      "1.2.3.400:80",
      "a b:80",
      "80,",
      "-a:80",
    ],
  );
  const socket = (
    path: string,
    mode: number | null = null,
    owner: string | null = null,
    group: string | null = null,
  ) => [{ path, mode, owner, group }];
  table(
    "where clients connect",
    listenPlaces,
    [
      ["3000", [{ host: "", port: 3000 }]],
      ["unix:/run/a-b=c", socket("/run/a-b=c")],
      ["unix:/run/x.sock  mode=0660 owner=www-data group=33", socket("/run/x.sock", 0o660, "www-data", "33")],
      [`unix:/${"x".repeat(106)}`, socket(`/${"x".repeat(106)}`)],
      ["fd:3,fd:web.sock", [{ fd: 3 }, { fdName: "web.sock" }]],
    ],
    [
      "unix:",
      "unix:/",
      "unix:x.sock",
      `unix:/${"x".repeat(107)}`,
      `unix:/${"é".repeat(54)}`,
      "unix:/x mode=668",
      "unix:/x mode=66",
      "unix:/x mode=660 mode=660",
      "unix:/x mode",
      "unix:/x size=3",
      "unix:/x constructor=3",
      "unix:/x owner=",
      "unix:/x owner=a:b",
      "fd:2",
      "fd:-3",
      "fd:",
      "fd:a:b",
    ],
  );
  const named = (place: object, terms: object = {}) => [
    { ...place, weight: 500, maxConnections: 0, priority: 0, backup: false, ...terms },
  ];
  const address = (host: string, port: number) => ({ kind: "address", address: { host, port } });
  table(
    "targets",
    targetList,
    [
      ["10.0.0.5:80", named(address("10.0.0.5", 80))],
      ["[2001:DB8:0::1]:80", named(address("2001:db8::1", 80))],
      ["[::ffff:10.0.0.5]:80", named(address("10.0.0.5", 80))],
      [
        "a.example:80 weight=0 max-connections=7 priority=2 backup",
        named(
          { kind: "name", host: "a.example", port: 80 },
          { weight: 0, maxConnections: 7, priority: 2, backup: true },
        ),
      ],
      ["unix:/run/a.sock", named({ kind: "address", address: { path: "/run/a.sock" } })],
      ["srv:_pg._tcp.a.example backup", named({ kind: "srv", name: "_pg._tcp.a.example" }, { backup: true })],
    ],
    [
      "",
      "80",
      "10.0.0.5",
      "10.0.0.5:0",
      "10.0.0.500:80",
      "unix:a.sock",
      "srv:",
      "srv:a..b",
      "srv:a b",
      "a:80 weight=1000001",
      "a:80 weight=-1",
      "a:80 backup=on",
      "a:80 mode=660",
    ],
  );
  table(
    "balancers",
    remoteHosts,
    [
      ["balance.mydomain", [{ host: "balance.mydomain", port: null }]],
      ["10.0.0.5:1700", [{ host: "10.0.0.5", port: 1700 }]],
      ["::1", [{ host: "::1", port: null }]],
      ["[::1]", [{ host: "::1", port: null }]],
      [
        "[::1]:1700,b",
        [
          { host: "::1", port: 1700 },
          { host: "b", port: null },
        ],
      ],
    ],
    ["", "host:0", "host:x", "http://host", "host/", "[::1", "10.0.0.256"],
  );
  table(
    "host name",
    hostName,
    [
      ["a", "a"],
      ["::1", "::1"],
      ["[::1]", "::1"],
    ],
    ["a:80", "", "a..b"],
  );
});

describe("localhost as a place to listen", () => {
  test("is both loopback addresses on one port", () => {
    assert.deepEqual(expandLocalhost([{ host: "localhost", port: 80 }], true), [
      { host: "127.0.0.1", port: 80 },
      { host: "::1", port: 80 },
    ]);
  });
  test("is 127.0.0.1 alone where there is no ::1, and where each would pick a port of its own", () => {
    assert.deepEqual(expandLocalhost([{ host: "localhost", port: 80 }], false), [{ host: "127.0.0.1", port: 80 }]);
    assert.deepEqual(expandLocalhost([{ host: "localhost", port: 0 }], true), [{ host: "127.0.0.1", port: 0 }]);
  });
  test("other hosts stay as they are", () => {
    const others = [
      { host: "", port: 80 },
      { host: "a.example", port: 1 },
    ];
    assert.deepEqual(expandLocalhost(others, true), others);
  });
});

describe("a weight", () => {
  const kind = balanceKind(1000);
  const auto = { command: null, cgroup: null, floor: 25, ceiling: 500, interval: 1_000 };
  const why = (given: string) => {
    assert.equal(kind.parse(given), null, given);
    return kind.why!(given) ?? "";
  };

  table(
    "is a number, or follows what is left, with words behind it that say how",
    kind,
    [
      ["0", 0],
      ["1000", 1000],
      ["auto", auto],
      ["auto ceiling=1000", { ...auto, ceiling: 1000, floor: 50 }],
      ["auto ceiling=3", { ...auto, ceiling: 3, floor: 1 }],
      ["auto interval=250ms floor=500", { ...auto, interval: 250, floor: 500 }],
      ["auto cgroup=/system.slice/web.service", { ...auto, cgroup: "/system.slice/web.service" }],
      ["auto:room", { ...auto, command: ["room"] }],
      ['auto:/bin/sh -c "cat a|tail -1" floor=1', { ...auto, command: ["/bin/sh", "-c", "cat a|tail -1"], floor: 1 }],
      ['auto:room floor=2 "floor=3"', { ...auto, command: ["room", "floor=2", "floor=3"] }],
    ],
    ["1001", "-1", "automatic", "auto:", "auto room", "auto interval=", "auto floor=0", "auto ceiling=1001", 'auto:"'],
  );

  test("is refused with what is wrong with it", () => {
    assert.match(why("auto floor=600"), /^floor=600 is above the ceiling, 500$/);
    assert.match(why("auto interval=50ms"), /^interval=50ms: give a duration such as .*, 100ms or more$/);
    assert.match(why("auto floor=1 floor=2"), /^floor is there twice$/);
    assert.match(why("auto speed=3"), /^speed=3 is none of its words: floor, ceiling, interval, cgroup$/);
    assert.match(why("auto floor=9 speed=3"), /^speed=3 is none/);
    assert.match(why("auto:room cgroup=/a"), /contradict each other/);
    assert.match(why("auto cgroup=a"), /^cgroup=a: give a path/);
    assert.equal(kind.why!("many"), null); // the kind's own words do
  });
});
