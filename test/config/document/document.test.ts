/** The balancer's document: what its files, flags and environment make of pools and listeners, and what is said of faults. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { documentFilesOf } from "../../../src/config/document/read-document.ts";
import { formatListen } from "../../../src/config/listen-kind.ts";
import type { BalancerSettings } from "../../../src/config/settings.ts";
import { formatTarget } from "../../../src/config/target-kind.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { completed, problemsOf, settingsOf } from "./files.ts";

after(removeFolders);

/** `web: 3000,unix:/x → pool` */
function listeners({ listeners }: BalancerSettings): string[] {
  return [...listeners].map(([name, { listen, routes }]) => {
    return `${name}: ${listen.map(formatListen).join(",")} → ${routes.map(({ pool }) => pool).join(",")}`;
  });
}

function queues({ pools }: BalancerSettings): Record<string, number> {
  return Object.fromEntries([...pools].map(([name, { queue }]) => [name, queue]));
}

const TWO = '[pool.web]\nlisten = "3000"\n[pool.db]\nlisten = 5432\nqueue = 5\n';

describe("pools and listeners", () => {
  test("without any, there is the pool default, with all that is said", () => {
    const settings = settingsOf('queue = 3\ntargets = ["10.0.0.5:80"]\n');
    assert.deepEqual(listeners(settings), ["default: 3000 → default"]);
    assert.deepEqual(queues(settings), { default: 3 });
    assert.deepEqual(settings.pools.get("default")!.targets.map(formatTarget), ["10.0.0.5:80"]);
  });
  test("each pool has a listener of its name where it says where, and the options of the top level that it has not itself", () => {
    const settings = settingsOf(`queue = 3\n${TWO}`);
    assert.deepEqual(listeners(settings), ["web: 3000 → web", "db: 5432 → db"]);
    assert.deepEqual(queues(settings), { web: 3, db: 5 });
    assert.equal(settings.poolDefaults.queue, 3);
  });
  test("listeners of their own lead to any pool, with the keepalive of that pool or their own", () => {
    const settings = settingsOf(
      `${TWO}keepalive = "2m"\n[listener.a]\nlisten = [81, "82"]\nroutes = [{ pool = "db" }]\n` +
        '[listener.b]\nlisten = "83"\nkeepalive = "off"\nroutes = [{ pool = "db" }]\n',
    );
    assert.deepEqual(listeners(settings).slice(2), ["a: 81,82 → db", "b: 83 → db"]);
    assert.deepEqual(
      ["db", "a", "b"].map((name) => settings.listeners.get(name)!.keepalive),
      [120_000, 120_000, 0],
    );
  });
  test("a pool needs no listen where a listener leads to it, and default does without its port then", () => {
    const listener = '[listener.a]\nlisten = "83"\nroutes = [{ pool = "default" }]\n';
    assert.deepEqual(listeners(settingsOf(listener)), ["a: 83 → default"]);
    assert.deepEqual(listeners(settingsOf(`[pool.default]\nqueue = 1\n${listener}`)), ["a: 83 → default"]);
    assert.deepEqual(listeners(settingsOf("[pool.default]\nqueue = 1\n")), ["default: 3000 → default"]);
  });
  test("default is there beside others where it has a section, or where listen or targets are given outside of sections", () => {
    assert.deepEqual([...settingsOf(TWO).pools.keys()], ["web", "db"]);
    for (const [text, around, expected] of [
      [`listen = 80\n${TWO}`, {}, "80"],
      [TWO, { flags: { listen: "80" } }, "80"],
      [TWO, { environment: { HARMONY_LISTEN: "80" } }, "80"],
      [`${TWO}[pool.default]\nlisten = 80\n`, {}, "80"],
      [`targets = ["10.0.0.5:80"]\n${TWO.replace("3000", "81")}`, {}, "3000"],
    ] as const) {
      const settings = settingsOf(text, around);
      assert.equal(
        listeners(settings).find((each) => each.startsWith("default")),
        `default: ${expected} → default`,
      );
      assert.deepEqual([...settings.pools.keys()].toSorted(), ["db", "default", "web"]);
    }
    const { pools } = settingsOf(`listen = 80\ntargets = ["10.0.0.5:80"]\n${TWO}`);
    assert.deepEqual(
      [...pools.values()].map(({ targets }) => targets.length),
      [1, 0, 0],
      "they are nobody's defaults",
    );
  });
});

describe("precedence", () => {
  const text = "queue = 1\nrequeue = 1\n[pool.db]\nlisten = 5432\nqueue = 2\n[pool.default]\nqueue = 3\nlisten = 80\n";
  const settings = settingsOf(text, {
    flags: { queue: "5" },
    environment: { HARMONY_REQUEUE: "7", HARMONY_QUEUE: "6" },
  });
  test("a pool's section goes before flags, environment and the top level, in that order", () => {
    assert.equal(settings.pools.get("db")!.queue, 2);
    assert.equal(settings.pools.get("db")!.requeue, 7);
    assert.equal(settings.poolDefaults.queue, 5);
  });
  test("for the pool default, flags and environment go before its section", () => {
    assert.equal(settings.pools.get("default")!.queue, 5);
    assert.equal(settingsOf(text).pools.get("default")!.queue, 3);
    assert.deepEqual(
      listeners(settingsOf(text, { environment: { HARMONY_LISTEN: "81" } }))[0],
      "default: 81 → default",
    );
  });
});

describe("addresses and targets", () => {
  test("Unix sockets with mode and owner, and inherited descriptors", () => {
    const settings = settingsOf('listen = ["unix:/run/x.sock mode=660 owner=www group=1000", "fd:3", "localhost:0"]\n');
    assert.deepEqual(settings.listeners.get("default")!.listen, [
      { path: "/run/x.sock", mode: 0o660, owner: "www", group: "1000" },
      { fd: 3 },
      { host: "127.0.0.1", port: 0 },
    ]);
  });
  test("inherited descriptors by name, if they are this process's", () => {
    const environment = { LISTEN_PID: String(process.pid), LISTEN_FDS: "3", LISTEN_FDNAMES: "web:db:web" };
    const before = { ...process.env };
    try {
      Object.assign(process.env, environment);
      assert.deepEqual(listeners(settingsOf('listen = "fd:web"\n')), ["default: fd:3,fd:5 → default"]);
      assert.deepEqual(problemsOf('listen = ["fd:wbe"]\n'), [
        "b.toml:1:10: listen fd:wbe: there is no such socket: inherited are web, db, web (LISTEN_FDNAMES)",
      ]);
      process.env.LISTEN_PID = "1";
      assert.match(
        problemsOf('listen = "fd:web"\n').join(),
        /those of LISTEN_FDS are another process's \(LISTEN_PID=1\)$/,
      );
    } finally {
      for (const name of Object.keys(environment)) delete process.env[name];
      Object.assign(process.env, before);
    }
    assert.match(problemsOf('listen = "fd:web"\n').join(), /this process has inherited none \(LISTEN_FDS\)$/);
  });
  test("targets in short and in long form, by address, name, path and SRV", () => {
    const settings = settingsOf(
      'targets = ["10.0.0.5:5432", "[2001:DB8::1]:5432", "db.example:5432", "unix:/run/pg.sock", "srv:_pg._tcp.db.example",\n' +
        '  { address = "10.0.0.6:5432", weight = 200, max-connections = 50, backup = true }]\n',
    );
    const { targets } = settings.pools.get("default")!;
    assert.deepEqual(targets.map(formatTarget), [
      "10.0.0.5:5432",
      "[2001:db8::1]:5432",
      "db.example:5432",
      "unix:/run/pg.sock",
      "srv:_pg._tcp.db.example",
      "10.0.0.6:5432 weight=200 max-connections=50 backup",
    ]);
    assert.deepEqual(targets[0], {
      kind: "address",
      address: { host: "10.0.0.5", port: 5432 },
      weight: 500,
      maxConnections: 0,
      backup: false,
      priority: 0,
    });
    assert.deepEqual(settingsOf("targets = []\n").pools.get("default")!.targets, []);
  });
  test("unavailable texts are read from their files, for each pool its own", () => {
    const settings = settingsOf(`unavailable = "all"\n${TWO}unavailable = "db"\n`);
    const texts = [...settings.pools.values()].map(({ unavailable }) =>
      new TextDecoder().decode(unavailable as Uint8Array),
    );
    assert.deepEqual(texts, ["all", "db"]);
    assert.match(
      problemsOf(`${TWO}unavailable = "@/nowhere"\n`).join(),
      /^b\.toml:6:15: unavailable: the file cannot be read: .*nowhere/,
    );
  });
  test("unavailable: what has no end, or may never begin, is not read", { skip: process.platform === "win32" }, () => {
    const pipe = join(temporaryFolder("unavailable"), "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const path of [pipe, "/dev/zero"]) {
      const [problem = ""] = problemsOf(`${TWO}unavailable = "@${path}"\n`);
      assert.match(problem, /^b\.toml:6:15: unavailable: .*(pipe|zero) is no regular file$/);
    }
  });
});

test("addresses overlap where one of them is every interface, or both are the same in two spellings", () => {
  const collide = (one: string, other: string) =>
    problemsOf(`[pool.a]\nlisten = "${one}:80"\n[pool.b]\nlisten = "${other}:80"\n`).length;
  for (const [one, other] of [
    ["*", "127.0.0.1"],
    ["[::1]", "[0:0::1]"],
    ["0.0.0.0", "127.0.0.1"],
    ["[::]", "127.0.0.1"],
    ["[::]", "0.0.0.0"],
    ["*", "[::1]"],
  ] as const) {
    assert.deepEqual([collide(one, other), collide(other, one)], [1, 1], `${one} ${other}`);
  }
  for (const [one, other] of [
    ["127.0.0.1", "127.0.0.2"],
    ["0.0.0.0", "[::1]"],
    ["127.0.0.1", "[::1]"],
  ] as const)
    assert.deepEqual([collide(one, other), collide(other, one)], [0, 0], `${one} ${other}`);
});

describe("included files", () => {
  const main = 'include = ["conf.d/*.toml"]\nqueue = 1\n';
  test("make one document, in the order of their names", () => {
    const { document, folder } = completed({
      "b.toml": main,
      "conf.d/2.toml": "[pool.two]\nlisten = 2\n",
      "conf.d/1.toml": "requeue = 5\n[pool.one]\nlisten = 1\n",
      "conf.d/.hidden.toml": "x = 1",
      "conf.d/3.txt": "x = 1",
    });
    assert.deepEqual([...document.settings.pools.keys()], ["one", "two"]);
    assert.equal(document.settings.pools.get("two")!.requeue, 5);
    const names = ["b.toml", "conf.d/1.toml", "conf.d/2.toml"];
    assert.deepEqual(
      documentFilesOf(join(folder, "b.toml"))(),
      names.map((name) => join(folder, name)),
    );
    writeFileSync(join(folder, "b.toml"), "no toml");
    assert.deepEqual(documentFilesOf(join(folder, "b.toml"))(), [join(folder, "b.toml")]);
  });
  test("what is defined twice is a fault that names both places", () => {
    assert.deepEqual(
      problemsOf({
        "b.toml": main,
        "conf.d/1.toml": "queue = 2\n[pool.a]\nlisten = 1\n[listener.l]\nlisten = 3\nroutes = [{ pool = 'a' }]\n",
        "conf.d/2.toml": "[pool.a]\nlisten = 2\n[listener.l]\nlisten = 4\nroutes = [{ pool = 'a' }]\n",
      }),
      [
        "conf.d/1.toml:1:9: queue is given at b.toml:2:9 already",
        "conf.d/2.toml:1:7: pool a is defined at conf.d/1.toml:2:7 already",
        "conf.d/2.toml:3:11: listener l is defined at conf.d/1.toml:4:11 already",
      ],
    );
  });
  test("a file or a folder that is not there, a pattern for folders, what is no path, and a second level are faults", () => {
    assert.deepEqual(
      problemsOf({
        "b.toml": 'include = ["x.toml", "y/*.toml", "*/z.toml", 5, "one.toml", "c*/*.toml"]\n',
        "one.toml": 'include = ["two.toml"]\n',
      }).map((each) => each.replace(/folder .*\//, "folder ")),
      [
        'b.toml:1:12: include "x.toml": there is no such file',
        'b.toml:1:22: include "y/*.toml": there is no folder y',
        'b.toml:1:34: include "*/z.toml": * and ? stand for parts of a file\'s name, not of its folder',
        'b.toml:1:46: include: give paths such as "conf.d/*.toml"',
        'b.toml:1:61: include "c*/*.toml": * and ? stand for parts of a file\'s name, not of its folder',
        "one.toml:1:1: include: a file that is included includes none itself",
      ],
    );
  });
  test("a file that several patterns match is included once", () => {
    const files = {
      "b.toml": 'include = ["conf.d/*.toml", "conf.d/1.toml", "./conf.d/?.toml"]\n',
      "conf.d/1.toml": "queue = 1\n",
    };
    assert.deepEqual(problemsOf(files), []);
  });
  test("a pipe or a device is none: reading it would not end", { skip: process.platform === "win32" }, () => {
    const folder = temporaryFolder("document");
    execFileSync("mkfifo", [join(folder, "pipe.toml")]);
    symlinkSync("/dev/zero", join(folder, "zero.toml"));
    const problems = problemsOf({ "b.toml": `include = [${JSON.stringify(join(folder, "*.toml"))}]\n` });
    assert.equal(problems.length, 2);
    assert.match(problems[0]!, /^b\.toml:1:12: include ".*": .*pipe\.toml is no regular file$/);
    assert.match(problems[1]!, /zero\.toml is no regular file$/);
  });
  test("a pattern is matched in no time, however many stars it has", () => {
    const files = { "b.toml": `include = ["${"*".repeat(60)}x.toml"]\n`, [`${"a".repeat(200)}.toml`]: "queue = 1\n" };
    assert.deepEqual(problemsOf(files), []);
  });
  test("a pattern that matches the file itself does not include it again, and one that matches no file is none", () => {
    assert.deepEqual(problemsOf({ "b.toml": 'include = ["*.toml", "a-*.toml"]\nqueue = 1\n' }), []);
  });
});

/** Text → the faults in it. */
const faults: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  "names that are not there, with the nearest that is": [
    "queu = 1\n[pool.web]\nlistn = 1\nlisten = 1\n[pol.db]\n",
    [
      "b.toml:1:1: queu: there is no such option here; did you mean queue?",
      "b.toml:5:2: pol: there is no such option here; did you mean pool?",
      "b.toml:3:1: listn: there is no such option here; did you mean listen?",
    ],
  ],
  "what stands in a section and belongs elsewhere": [
    '[pool.web]\nlisten = 1\ndrain-timeout = "1s"\ninclude = ["x"]\nroutes = []\n' +
      '[listener.a]\nlisten = 2\nroutes = [{ pool = "web" }]\nalgorithm = "hash"\nadmin = 3\n',
    [
      "b.toml:3:1: drain-timeout is no option of a section: give it above the first one, where the file begins",
      "b.toml:4:1: include is no option of a section: give it above the first one, where the file begins",
      "b.toml:5:1: routes is for listeners: give it in a section such as [listener.web]",
      "b.toml:9:1: algorithm is an option of pools: give it in a section such as [pool.web]",
      "b.toml:10:1: admin is no option of a section: give it above the first one, where the file begins",
    ],
  ],
  "options of a pool that has no name": [
    "[pool]\nlisten = 1\n",
    ["b.toml:2:1: listen: give it in a section with a name, such as [pool.web]"],
  ],
  "values in a section, and entries of lists": [
    '[pool.web]\nlisten = ["1",\n "x:y"]\nqueue = "many"\n',
    [
      /^b\.toml:3:2: listen "x:y": give \[HOST:]PORT/,
      'b.toml:4:9: queue "many": give a whole number from 0 to 16777215',
    ],
  ] as never,
  "targets, with what each lacks": [
    'targets = ["a", { weight = 1 }, { address = "a:1", weight = -1, bakup = true }]\n',
    [
      /^b\.toml:1:12: targets "a": give targets such as/,
      /^b\.toml:1:17: address is missing: give the address of a target/,
      'b.toml:1:61: weight "-1": give a whole number from 0 to 1000000',
      "b.toml:1:65: bakup: there is no such option here; did you mean backup?",
    ],
  ] as never,
  "a target that is there twice": [
    'targets = ["10.0.0.5:1", { address = "10.0.0.5:1", weight = 2 }]\n',
    ["b.toml:1:11: targets: 10.0.0.5:1 is a target of pool default twice"],
  ],
  "more targets than there may be": [
    'targets = ["a:1", "b:1"]\nmax-targets = 1\n',
    ["b.toml:1:11: targets: pool default has 2, and max-targets is 1: raise it"],
  ],
  "a wait for targets in a pool that has no queue": [
    "[pool.default]\nlisten = 1\n[pool.web]\nlisten = 2\nqueue = 0\nqueue-when-empty = '5s'\n",
    ["b.toml:6:20: queue-when-empty: queue is 0 in pool web, so that nobody waits: raise that, or leave this out"],
  ],
  "a pool without a listener, and a route to none": [
    '[pool.web]\nqueue = 1\n[pool.db]\nlisten = 1\n[listener.l]\nlisten = 2\nroutes = [{ pool = "dbs" }]\n',
    [
      'b.toml:7:20: there is no pool "dbs"; did you mean db?',
      "b.toml:1:7: pool web has no listener: give it listen, or a listener that routes to it",
    ],
  ],
  "a listener without address or route, and routes of another kind": [
    '[listener.a]\nroutes = [{ pool = "default", nam = "x" }]\n[listener.b]\nlisten = 1\n[listener.c]\nlisten = 2\nroutes = "default"\n',
    [
      /^b\.toml:1:11: listen is missing: give/,
      "b.toml:2:31: nam: there is no such option here; did you mean name?",
      /^b\.toml:3:11: routes: give the pools that serve this listener, as routes = \[\{ pool = "web" \}\] or /,
      /^b\.toml:7:10: routes: give the pools that serve this listener/,
    ],
  ] as never,
  "a listener of a name that a pool's listen makes": [
    '[pool.web]\nlisten = 1\n[listener.web]\nlisten = 2\nroutes = [{ pool = "web" }]\n',
    ["b.toml:3:11: listener web is there already: listen of pool web makes it (b.toml:2:10)"],
  ],
  "the same address twice, whichever listener wants it, and that of the reporters": [
    'listen = ["unix:/a mode=600", 80]\n[pool.web]\nlisten = [\n"unix:/a", "127.0.0.1:80"]\n[pool.db]\nlisten = [81, "fd:4", 81, "fd:4"]\n[pool.c]\nlisten = 1666\n',
    [
      "b.toml:3:10: listener web and listener default want the same socket (unix:/a mode=600 and unix:/a): give two different ones; the other is given at b.toml:1:10",
      "b.toml:3:10: listener web and listener default want the same port (80 and 127.0.0.1:80): give two different ones; the other is given at b.toml:1:10",
      "b.toml:6:10: listener db wants the same port twice (81 and 81): leave one of them out",
      "b.toml:6:10: listener db wants the same socket twice (fd:4 and fd:4): leave one of them out",
      "b.toml:8:10: listener c and admin want the same port (1666 and 1666): give two different ones",
    ],
  ],
  "names that a pool cannot have, and what is no table": [
    'listener = 1\n[pool]\nweb = 1\n[pool."a b"]\nlisten = 1\n',
    [
      "b.toml:3:1: web: give a table such as [pool.web]",
      'b.toml:4:7: pool "a b": give a name of 1 to 64 letters, digits or . _ -',
      "b.toml:1:1: listener: give tables such as [listener.web]",
    ],
  ],
  "what is given without a certificate's other half": [
    'admin-tls-cert = "x"\n',
    ["b.toml:1:18: admin-tls-cert and admin-tls-key belong together: give both or neither"],
  ],
  "what is no TOML": ["queue = \n", [/^b\.toml:1:9: this is not TOML: /]] as never,
};

describe("faults have their file, line and column", () => {
  for (const [name, [text, expected]] of Object.entries(faults)) {
    test(name, () => {
      const found = problemsOf(text);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [index, each] of expected.entries()) {
        if (typeof each === "string") assert.equal(found[index], each);
        else assert.match(found[index]!, each);
      }
    });
  }
  test("those of a value that flags precede are faults as well", () => {
    assert.match(
      problemsOf('queue = "x"\n', { flags: { queue: "5" } }).join(),
      /^b\.toml:1:9: queue "x": give a whole number/,
    );
  });
  test("each is said once, however many pools it is for", () => {
    const text = `unavailable = "@/nowhere"\nqueue = "x"\n${TWO}`;
    assert.equal(problemsOf(text, { flags: { requeue: "x" } }).length, 3);
  });
});
