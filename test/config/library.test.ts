import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clientSettings as wholeClientSettings, serverSettings as wholeSettings } from "../../src/config/library.ts";
import { OptionError } from "../../src/config/values.ts";
import { flat, flatReporter } from "./flat.ts";

const serverSettings = (options: object) => flat(wholeSettings(options));
const clientSettings = (options: object) => flatReporter(wholeClientSettings(options));

function problems(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof OptionError, String(error));
    return error.problems;
  }
  assert.fail("no problem was found");
}

describe("server options", () => {
  test("the defaults of the first Harmony", () => {
    const settings = serverSettings({});
    assert.deepEqual(settings.listen[0], { host: "127.0.0.1", port: 3000 });
    assert.deepEqual(settings.admin[0], { host: "127.0.0.1", port: 1666 });
    assert.ok(settings.listen.every((one) => "host" in one && (one.host === "127.0.0.1" || one.host === "::1")));
    assert.equal(settings.concurrency, -1);
    assert.equal(settings.requeue, 1);
    assert.equal(settings.hostTimeout, 60_000);
    assert.equal(settings.persistent, 1_800_000);
    assert.equal(settings.unavailable, null);
  });
  test("its names and units", () => {
    const settings = serverSettings({
      host: "10.0.0.5",
      listenport: 81,
      adminport: "82",
      hostTimeout: 0.5,
      requeue: 4,
    });
    assert.deepEqual(settings.listen, [{ host: "10.0.0.5", port: 81 }]);
    assert.deepEqual(settings.admin, [{ host: "10.0.0.5", port: 82 }]);
    assert.equal(settings.hostTimeout, 30_000);
    assert.equal(settings.requeue, 4);
    assert.deepEqual(serverSettings({ host: "" }).listen, [{ host: "", port: 3000 }]);
  });
  test("persistent: true, false, { }, ms, text", () => {
    const forms: [unknown, number | null][] = [
      [true, 1_800_000],
      [false, null],
      [{}, 1_800_000],
      [5000, 5000],
      ["2h", 7_200_000],
      [undefined, 1_800_000],
    ];
    for (const [persistent, expected] of forms) assert.equal(serverSettings({ persistent }).persistent, expected);
  });
  test("the key of the environment, where the program gives nothing about keys", () => {
    const before = process.env.HARMONY_KEY;
    process.env.HARMONY_KEY = "the environment's secret";
    try {
      assert.equal(serverSettings({}).key, "the environment's secret");
      assert.equal(serverSettings({ key: "the program's own secret" }).key, "the program's own secret");
      assert.equal(serverSettings({ insecure: true }).key, null);
      assert.equal(serverSettings({ keyFile: "keys" }).key, null);
    } finally {
      if (before === undefined) delete process.env.HARMONY_KEY;
      else process.env.HARMONY_KEY = before;
    }
  });
  test("unavailable: a text as it stands, also one that begins with @", () => {
    assert.deepEqual(serverSettings({ unavailable: "@home" }).unavailable, new TextEncoder().encode("@home"));
    const handler = () => undefined;
    assert.equal(serverSettings({ unavailable: handler }).unavailable, handler);
    assert.equal(serverSettings({ unavailable: null }).unavailable, null);
    assert.match(
      problems(() => serverSettings({ unavailable: 5 })).join(),
      /^unavailable: give a string, or a function/,
    );
  });
  test("newer options under the flags' names, numbers of time in ms", () => {
    const settings = serverSettings({
      listen: ["127.0.0.1:81", 82],
      admin: 83,
      queueTimeout: 5,
      idleTimeout: "2m",
      hostTimeout: "90s",
      insecure: true,
      algorithm: "random",
    });
    assert.deepEqual(settings.listen, [
      { host: "127.0.0.1", port: 81 },
      { host: "", port: 82 },
    ]);
    assert.deepEqual(settings.admin, [{ host: "", port: 83 }]);
    assert.equal(settings.queueTimeout, 5);
    assert.equal(settings.idleTimeout, 120_000);
    assert.equal(settings.hostTimeout, 90_000);
    assert.equal(settings.insecure, true);
    assert.equal(settings.algorithm, "random");
  });
  test("all problems at once, with what was written", () => {
    const bad = {
      listenPort: 1,
      hostTimeout: Number.NaN,
      concurrency: -2,
      persistent: "maybe",
      requeue: () => 1,
      admin: 5,
      adminport: 6,
    };
    const found = problems(() => serverSettings(bad));
    assert.deepEqual(found.map((line) => line.split(":")[0]!.split(" ")[0]).sort(), [
      "admin",
      "concurrency",
      "hostTimeout",
      "listenPort",
      "persistent",
      "requeue",
    ]);
    assert.ok(found.includes("listenPort: there is no such option; did you mean listenport?"));
    assert.ok(found.some((line) => line.startsWith('hostTimeout "NaN": give a duration')));
  });
  test("options that contradict or need each other, spelled as here and not as in the file", () => {
    const found = problems(() => serverSettings({ insecure: true, keyFile: "x", adminTlsCert: "y" }));
    assert.match(found[0]!, /^insecure and keyFile contradict/);
    assert.match(found[1]!, /^adminTlsCert and adminTlsKey belong together/);
    assert.match(problems(() => clientSettings({ tlsCa: "/nowhere" })).join(), /^tlsCa: the file cannot be read/);
  });
  test("an option under a name that it had once", () => {
    assert.deepEqual(
      problems(() => serverSettings({ tlsCert: "x" })),
      ["tlsCert is now adminTlsCert"],
    );
  });
});

describe("client options", () => {
  test("the defaults of the first Harmony", () => {
    const settings = clientSettings({});
    assert.deepEqual(settings.balancers, [{ host: "localhost", port: 1666 }]);
    assert.equal(settings.port, 80);
    assert.equal(settings.balance, 500);
    assert.equal(settings.ack, 300_000);
  });
  test("its names and units", () => {
    const settings = clientSettings({ host: "b.example", adminport: 82, listenport: 1080, balance: 1000, ack: 60_000 });
    assert.deepEqual(settings.balancers, [{ host: "b.example", port: 82 }]);
    assert.equal(settings.port, 1080);
    assert.equal(settings.balance, 1000);
    assert.equal(settings.ack, 60_000);
    assert.equal(clientSettings({ localport: 8080 }).port, 8080); // as the text of its README calls it once
  });
  test("several balancers and the newer options", () => {
    const settings = clientSettings({
      host: ["a", "b:7"],
      weight: 3,
      maxConnections: 4,
      id: "x",
      key: "0123456789abcdef",
    });
    assert.deepEqual(settings.balancers, [
      { host: "a", port: 1666 },
      { host: "b", port: 7 },
    ]);
    assert.equal(settings.balance, 3);
    assert.equal(settings.maxConnections, 4);
    assert.equal(settings.key, "0123456789abcdef");
  });
  describe("of several targets", () => {
    const targetsOf = (options: object) => wholeClientSettings(options).targets;

    test("are defaults for what each does not say itself", () => {
      const targets = targetsOf({
        balance: 7,
        pool: "web",
        targets: [{ port: 8080 }, { listenport: 8081, weight: 8 }, { port: 5432, pool: "db", listen: 5000, id: "a" }],
      });
      assert.deepEqual(
        targets.map(({ pool, port, balance, listen, id }) => [pool, port, balance, listen, id]),
        [
          ["web", 8080, 7, null, null],
          ["web", 8081, 8, null, null],
          ["db", 5432, 7, 5000, "a"],
        ],
      );
      assert.equal(targetsOf({ port: 1 }).length, 1, "without the list the options describe one");
    });

    test("take options of a pool as an object, in the library's names and units, or as a list", () => {
      const poolOptions = {
        algorithm: "random",
        persistent: false,
        queueTimeout: 5_000,
        maxBindings: 8,
        keepalive: "1m",
      };
      const texts = {
        algorithm: "random",
        persistent: "off",
        "queue-timeout": "5000ms",
        "max-bindings": "8",
        keepalive: "1m",
      };
      assert.deepEqual(targetsOf({ listen: 5000, poolOptions })[0]!.poolOptions, texts);
      const list = Object.entries(texts).map((entry) => entry.join("="));
      assert.deepEqual(targetsOf({ listen: 5000, poolOptions: list })[0]!.poolOptions, texts);
      assert.deepEqual(targetsOf({ listen: 5000 })[0]!.poolOptions, {});
    });

    for (const [options, problem] of [
      [{ targets: [] }, "targets: give 1 to 1000 of them"],
      [{ targets: {} }, "targets: give a list of objects"],
      [{ targets: [{ port: 1 }, 7] }, "targets: give a list of objects"],
      [{ targets: [{ prot: 1 }] }, "targets[0].prot: there is no such option; did you mean port?"],
      [{ targets: [{ port: 1 }, { port: 0 }] }, 'targets[1].port "0": give a whole number from 1 to 65535'],
      [{ targets: [{ host: "a" }] }, /^targets\[0\].host: there is no such option/],
      [
        { targets: [{ port: 1 }, { port: 1 }] },
        "targets 1 and 2 are the same one: give them different ports, pools or ids",
      ],
      [{ id: "a", targets: [{ port: 1 }, { port: 2 }] }, /^targets 1 and 2 are the same one/],
      [
        {
          targets: [
            { port: 1, listen: 5000 },
            { port: 1, pool: "db", listen: 5000 },
          ],
        },
        "listen 5000 is for the pools default and db: give each its own port",
      ],
      [{ poolOptions: { algorithm: "random" } }, /^poolOptions: they are for a pool that is made with listen/],
      [{ listen: 1, poolOptions: { algorithm: "fastest" } }, /^poolOptions: algorithm "fastest": give one of /],
      [{ listen: 1, poolOptions: { algoritm: "hash" } }, /^poolOptions: algoritm: .* did you mean algorithm\?$/],
      [
        { listen: 1, poolOptions: { unavailable: "@/etc/shadow" } },
        /^poolOptions: unavailable: there is no such option of a pool/,
      ],
      [{ listen: 1, poolOptions: { queue: {} } }, /^poolOptions: give /],
      [{ listen: 1, poolOptions: ["queue"] }, /^poolOptions: give options of the pool/],
      [{ listen: 1, poolOptions: ["queue=1", "queue=2"] }, /^poolOptions: give options of the pool/],
    ] as const) {
      test(`are refused as ${JSON.stringify(options)}`, () => {
        const found = problems(() => wholeClientSettings(options));
        assert.equal(found.length, 1, found.join());
        if (typeof problem === "string") assert.equal(found[0], problem);
        else assert.match(found[0]!, problem);
      });
    }
  });
  test("programs' own options are not the library's", () => {
    assert.equal(problems(() => clientSettings({ logLevel: "info", config: "x" })).length, 2);
  });
});

describe("pools and listeners of server()", () => {
  const own = (options: object) => wholeSettings({ host: "127.0.0.1", ...options });

  test("each with the options at the top as its defaults, and default only where something is said of it", () => {
    const { pools, listeners, poolDefaults } = own({
      queue: 5,
      pools: {
        web: { listen: [80, "unix:/run/web.sock"], idleTimeout: 500 },
        db: { queue: 7, targets: ["10.0.0.5:5432", { address: "db.example:5432", weight: 200, backup: true }] },
      },
      listeners: { tls: { listen: "127.0.0.1:443", routes: [{ pool: "db" }], keepalive: false } },
    });
    assert.deepEqual([...pools.keys()], ["web", "db"]);
    assert.deepEqual(
      [...pools.values()].map(({ queue, idleTimeout }) => [queue, idleTimeout]),
      [
        [5, 500],
        [7, 0],
      ],
    );
    assert.equal(poolDefaults.queue, 5);
    assert.deepEqual(pools.get("db")!.targets, [
      {
        kind: "address",
        address: { host: "10.0.0.5", port: 5432 },
        weight: 500,
        maxConnections: 0,
        priority: 0,
        backup: false,
      },
      { kind: "name", host: "db.example", port: 5432, weight: 200, maxConnections: 0, priority: 0, backup: true },
    ]);
    const shown = [...listeners].map(([name, { listen, routes, keepalive }]) => [name, { listen, routes, keepalive }]);
    const to = (pool: string) => ({ pool, names: [], alpn: [], tls: "pass" });
    assert.deepEqual(Object.fromEntries(shown), {
      web: {
        listen: [
          { host: "", port: 80 },
          { path: "/run/web.sock", mode: null, owner: null, group: null },
        ],
        routes: [to("web")],
        keepalive: 60_000,
      },
      tls: { listen: [{ host: "127.0.0.1", port: 443 }], routes: [to("db")], keepalive: 0 },
    });
  });
  test("default is there beside others where a port or targets are given for it", () => {
    const names = (options: object) => [...own({ pools: { web: { listen: 80 } }, ...options }).pools.keys()];
    assert.deepEqual(names({}), ["web"]);
    for (const given of [{ listenport: 81 }, { listen: 81 }, { targets: ["a:1"] }])
      assert.deepEqual(names(given), ["default", "web"]);
    assert.deepEqual(names({ pools: { web: { listen: 80 }, default: { queue: 1 } } }), ["default", "web"]);
  });
  test("a pool's own section goes before the top, and a function may be what it sends", () => {
    const handler = () => undefined;
    const { pools, poolDefaults } = own({
      queue: 1,
      unavailable: "@all",
      pools: { default: { queue: 2, unavailable: handler }, web: { listen: 80 } },
    });
    assert.equal(pools.get("default")!.queue, 2);
    assert.equal(pools.get("default")!.unavailable, handler);
    assert.deepEqual(pools.get("web")!.unavailable, new TextEncoder().encode("@all"));
    assert.equal(poolDefaults.queue, 1);
  });
  test("faults say where they are", () => {
    assert.deepEqual(
      problems(() =>
        own({
          pools: {
            web: { listn: 80, queue: -1, targets: ["x", { adress: "a:1" }, { address: "a:1", weight: "much" }] },
            "a b": {},
            c: 5,
          },
          listeners: { l: { listen: 81, routes: [] }, m: { routes: [{ pool: "webb" }] } },
        }),
      ).map((each) => each.replace(/: give .*/, ": give …")),
      [
        "pools.web.listn: there is no such option; did you mean listen?",
        'pools.web.queue "-1": give …',
        'pools.web.targets[0] "x": give …',
        "pools.web.targets[1].adress: there is no such option; did you mean address?",
        "pools.web.targets[1].address: give …",
        'pools.web.targets[2].weight "much": give …',
        "pools.a b: give …",
        "pools.c: give …",
        "listeners.l.routes: give …",
        "listeners.m.listen is missing: give …",
        'listeners.m.routes[0]: there is no pool "webb"; did you mean web?',
      ],
    );
    assert.deepEqual(
      problems(() => own({ pools: { web: {} } })),
      ["pools.web: pool web has no listener: give it listen, or a listener that routes to it"],
    );
    assert.match(
      problems(() => own({ pools: [], listeners: 5 })).join("\n"),
      /^pools: give an object .*\nlisteners: give/,
    );
  });
});
