import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { type Invocation, loadBalancer, loadReporter } from "../../src/config/load.ts";
import { spell } from "../../src/config/names.ts";
import { isIn, type OptionTable } from "../../src/config/option.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { OptionError } from "../../src/config/values.ts";
import { certificateFiles } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { flat, flatReporter } from "./flat.ts";

const folder = temporaryFolder("config");
after(removeFolders);

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function secretFile(name: string, content: string): string {
  const path = file(name, content);
  chmodSync(path, 0o600);
  return path;
}

const posix = { skip: process.platform === "win32" && "Windows has no file modes" };

const program = { name: "harmony-test", usage: "[options]", summary: "Summary.", footer: "Footer." };

function invocation(argv: readonly string[], environment: Record<string, string> = {}): Invocation {
  return { argv, environment, program };
}

function balancer(argv: readonly string[], environment: Record<string, string> = {}) {
  const command = loadBalancer(invocation(argv, environment));
  assert.equal(command.action, "run");
  return flat(command.settings) as unknown as Record<string, unknown>;
}

function reporter(argv: readonly string[], environment: Record<string, string> = {}) {
  const command = loadReporter(invocation(argv, environment));
  assert.equal(command.action, "run");
  return flatReporter(command.settings) as unknown as Record<string, unknown>;
}

function problems(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof OptionError, String(error));
    assert.equal(error.fault, "config");
    return error.problems;
  }
  assert.fail("no problem was found");
}

/** A text for each option that differs from its default, so that it shows where it came from. */
const given: Record<string, string> = {
  listen: "127.0.0.1:4000",
  admin: "127.0.0.1:4001",
  acceptProxy: "10.0.0.0/8,2001:db8::/32",
  allow: "192.0.2.0/24,198.51.100.7",
  deny: "192.0.2.9",
  clientConnections: "20",
  clientRate: "30/m",
  clientBurst: "5",
  clientNetwork: "24 48",
  refuse: "tarpit 20s",
  prereadTimeout: "3s",
  tls: `cert=${certificateFiles.cert} key=${certificateFiles.key} alpn="h2,http/1.1" min=1.3`,
  listenFastOpen: "64",
  deferAccept: "9s",
  listenTransparent: "on",
  clientSendBuffer: "65536",
  clientReceiveBuffer: "131072",
  clientNodelay: "off",
  clientKeepalive: "idle=20s count=5",
  clientCongestion: "cubic",
  clientDscp: "46",
  sendProxy: "v2",
  sendProxyTlvs: "unique-id,ssl,0xE0=blue",
  targetTls: `ca=${certificateFiles.ca} name=db.internal`,
  source: "127.0.0.2,127.0.0.3",
  targetClose: "reset",
  targetFastOpen: "on",
  targetSendBuffer: "65536",
  targetReceiveBuffer: "131072",
  targetNodelay: "off",
  targetKeepalive: "idle=30s interval=10s count=3",
  targetCongestion: "reno",
  targetDscp: "10",
  algorithm: "hash",
  slowStart: "30s",
  persistent: "2h",
  persistentShared: "wait 5ms",
  concurrency: "7",
  queue: "8",
  queueTimeout: "9s",
  queueWhenEmpty: "10s",
  requeue: "3",
  maxTargets: "10000",
  maxBindings: "2000000",
  hangDetection: "off",
  ejectAfter: "3",
  ejectSlow: "4s",
  ejectTime: "20s",
  ejectShare: "30",
  unavailable: "Busy, sorry",
  hostTimeout: "11s",
  heartbeat: "2s",
  serviceTimeout: "5m",
  panic: "off",
  onDown: "drain 20s",
  rebalance: "30/m",
  connectTimeout: "12s",
  check: "http:/healthz interval=5s",
  agentCheck: "9999 interval=5s",
  idleTimeout: "13s",
  keepalive: "45s",
  drainTimeout: "14s",
  stopDelay: "5s",
  startHold: "3s",
  keyFile: join(folder, "key"),
  reporters: join(folder, "reporters"),
  identity: join(folder, "reporter-identity"),
  insecure: "on",
  engine: "portable",
  threads: "2",
  api: "unix:/run/balancer/api.sock mode=660,127.0.0.1:1800",
  state: join(folder, "state.json"),
  apiTlsCert: certificateFiles.cert,
  apiTlsKey: certificateFiles.key,
  apiInsecure: "on",
  apiHost: "balancer.example,lb",
  metrics: "10.0.0.5:9100",
  resolver: "10.0.0.53,127.0.0.1:8600",
  group: "rediss+sentinel://app@10.0.0.5,10.0.0.6:26380/main/2",
  groupName: "east",
  groupPasswordFile: secretFile("group-password", "of the group\n"),
  groupPassword: "of the group",
  groupCa: certificateFiles.ca,
  watch: "on",
  accessLog: join(folder, "access.log"),
  accessLogFormat: "json",
  accessLogSample: "100",
  logLevel: "warning,targets=debug,connections=error",
  logFormat: "json",
  host: "10.0.0.5",
  adminPort: "1700",
  port: "8080",
  advertise: "10.0.0.6",
  balance: "1000",
  ack: "15s",
  agentPort: "10.0.0.5:8081",
  onDemand: "on",
  idleTime: "16m",
  startTimeout: "17s",
  statusSocket: "unix:/tmp/status.sock",
  pool: "web",
  id: "web-1",
  maxConnections: "16",
  priority: "3",
  poolOptions: "algorithm=random",
  key: "secret-of-sixteen-characters",
  config: file("empty.toml", ""),
  adminTlsCert: certificateFiles.cert,
  adminTlsKey: certificateFiles.key,
  tlsCa: certificateFiles.ca,
  targets: "10.0.0.5:5432",
};
/** Where the reporter's option of the same name takes something else. */
const givenToReporter: Record<string, string> = { ...given, listen: "5000", logLevel: "debug", tls: "on" };
/** Options that only make sense together, so that giving one alone is a problem. */
const needs: Record<string, string> = {
  adminTlsCert: "adminTlsKey",
  adminTlsKey: "adminTlsCert",
  groupName: "group",
  groupPasswordFile: "group",
  groupCa: "group",
  apiTlsCert: "apiTlsKey",
  apiTlsKey: "apiTlsCert",
  poolOptions: "listen",
  watch: "config",
};

const programs = [
  { name: "balancer", options: balancerOptions as OptionTable, load: balancer, texts: given },
  { name: "reporter", options: reporterOptions as OptionTable, load: reporter, texts: givenToReporter },
] as const;

for (const { name, options, load, texts } of programs) {
  describe(`${name}: every option`, () => {
    for (const [option, spec] of Object.entries(options)) {
      const text = texts[option] ?? "";
      const value = spec.places.some((place) => place !== "library") ? spec.kind.parse(text)?.value : undefined;
      const companion = needs[option];
      const extra = companion ? [spell(companion, "flag"), texts[companion]!] : [];
      if (isIn(spec, "flag")) {
        test(`${spell(option, "flag")}${spec.aliases.length > 0 ? " and its aliases" : ""} as a flag, in both spellings`, () => {
          for (const each of [option, ...spec.aliases]) {
            const flag = spell(each, "flag");
            assert.deepEqual(load([flag, text, ...extra])[option], load([`${flag}=${text}`, ...extra])[option]);
            assertTaken(load([flag, text, ...extra]), option, value);
          }
        });
      }
      if (isIn(spec, "env")) {
        test(`${spell(option, "env")} in the environment, where empty counts as none`, () => {
          assertTaken(load(extra, { [spell(option, "env")]: text }), option, value);
          assert.deepEqual(load([], { [spell(option, "env")]: "" }), load([]));
        });
      }
      if (isIn(spec, "file")) {
        test(`${spell(option, "file")} in the file`, () => {
          const path = file(`${name}-${option}.toml`, `${spell(option, "file")} = ${JSON.stringify(text)}\n`);
          assertTaken(load(["--config", path, ...(companion === "config" ? [] : extra)]), option, value);
        });
      }
    }
  });
}

/** Most options reach the settings under their own name; the others in the form that the parts below take. */
function assertTaken(settings: Record<string, unknown>, option: string, value: unknown): void {
  const expected: Record<string, unknown> = {
    unavailable: new TextEncoder().encode("Busy, sorry"),
    ...(value === true && { tls: {} }),
  };
  assert.notEqual(value, undefined);
  assert.deepEqual(settings[option], option in expected ? expected[option] : value);
}

test("a reporter has a hundred balancers at most, each named once or several times", () => {
  const hosts = (count: number) => Array.from({ length: count }, (_, n) => ["--host", `b${n}`]).flat();
  assert.equal((reporter([...hosts(100), "--host", "b1"]).balancers as unknown[]).length, 100);
  assert.match(
    problems(() => reporter(hosts(101))).join(),
    /^(--)?host: a reporter speaks to 100 balancers at most, and not to 101$/,
  );
});

describe("precedence", () => {
  const path = file("precedence.toml", "queue = 3\nrequeue = 3\nconcurrency = 3\n");
  test("flag before environment before file before default", () => {
    const settings = balancer(["--config", path, "--queue", "1"], { HARMONY_QUEUE: "2", HARMONY_REQUEUE: "2" });
    assert.equal(settings.queue, 1);
    assert.equal(settings.requeue, 2);
    assert.equal(settings.concurrency, 3);
    assert.equal(settings.algorithm, "leastconn");
  });
  test("what Kubernetes writes into HARMONY_PORT for a Service called harmony is no port of ours", () => {
    assert.equal(reporter([], { HARMONY_PORT: "tcp://10.0.0.1:1666" }).port, 80);
    assert.equal(reporter([], { HARMONY_PORT: "8080" }).port, 8080);
  });

  test("the file may be named in the environment", () => {
    assert.equal(balancer([], { HARMONY_CONFIG: path }).queue, 3);
  });
  test("the last of a repeated flag counts, but a list grows", () => {
    assert.equal(balancer(["--queue", "1", "--queue", "2"]).queue, 2);
    assert.deepEqual(balancer(["--listen", "81", "--listen=127.0.0.1:82"]).listen, [
      { host: "", port: 81 },
      { host: "127.0.0.1", port: 82 },
    ]);
    assert.deepEqual(reporter(["--host", "a", "--host", "b:7", "--host", "a:5", "--admin-port", "5"]).balancers, [
      { host: "a", port: 5 },
      { host: "b", port: 7 },
    ]);
  });
});

describe("forms of a value", () => {
  test("TOML numbers, booleans and lists", () => {
    const path = file(
      "forms.toml",
      'queue = 5\npersistent = false\ninsecure = true\nlisten = ["81", 82]\nidle-timeout = 0\n',
    );
    const settings = balancer(["--config", path]);
    assert.equal(settings.queue, 5);
    assert.equal(settings.persistent, null);
    assert.equal(settings.insecure, true);
    assert.equal(settings.idleTimeout, 0);
    assert.deepEqual(settings.listen, [
      { host: "", port: 81 },
      { host: "", port: 82 },
    ]);
  });
  test("a negative number follows its flag", () => {
    assert.equal(balancer(["--concurrency", "-1"]).concurrency, -1);
  });
  test("a switch needs no value", () => {
    assert.equal(balancer(["--insecure", "--queue", "1"]).insecure, true);
    assert.equal(balancer(["--insecure", "off"], { HARMONY_INSECURE: "on" }).insecure, false);
  });
  test("unavailable from a file, byte for byte", () => {
    const path = file("busy.http", "HTTP/1.1 503 Busy\r\n\r\n");
    assert.deepEqual(
      Buffer.from(balancer(["--unavailable", `@${path}`]).unavailable as Uint8Array).toString(),
      "HTTP/1.1 503 Busy\r\n\r\n",
    );
  });
  test("TLS files are read; a CA switches TLS on", () => {
    const pair = ["--admin-tls-cert", given.adminTlsCert!, "--admin-tls-key", given.adminTlsKey!];
    const text = (path: string) => readFileSync(path, "utf8");
    assert.deepEqual(balancer(pair).adminTls, { cert: text(given.adminTlsCert!), key: text(given.adminTlsKey!) });
    assert.deepEqual(reporter(["--tls-ca", given.tlsCa!]).tls, { ca: text(given.tlsCa!) });
    assert.equal(reporter([]).tls, null);
  });
  test("the command after -- is left alone", () => {
    const command = loadReporter(invocation(["--port", "81", "--", "nginx", "--port", "-g", "--"]));
    assert.ok(command.action === "run");
    assert.deepEqual(command.serverCommand, ["nginx", "--port", "-g", "--"]);
    assert.equal(command.settings.targets[0]?.port, 81);
  });
});

describe("bad input", () => {
  test("all problems at once, each with where it came from, what was given and what is allowed", () => {
    const path = file("bad.toml", 'queu = 1\nrequeue = "many"\nalgorithm = ["hash"]\n');
    const argv = ["--config", path, "--listen", "70000", "--listn", "1", "stray", "--queue"];
    const found = problems(() => balancer(argv, { HARMONY_QUEUE_TIMEOUT: "5" }));
    const expected = [
      /^--queue needs a value: give a whole number from 0 to \d+/,
      /^--listn: there is no such flag; did you mean --listen\?$/,
      /^"stray": a word on its own/,
      /bad\.toml:1:1: queu: there is no such option here; did you mean queue\?$/,
      /bad\.toml:3:13: algorithm: give one of .*\bleastconn\b/,
      /^--listen "70000": give \[HOST:\]PORT/,
      /^HARMONY_QUEUE_TIMEOUT "5": give a duration such as 500ms/,
      /bad\.toml:2:11: requeue "many": give a whole number/,
    ];
    for (const pattern of expected)
      assert.ok(
        found.some((line) => pattern.test(line)),
        `${pattern}\n${found.join("\n")}`,
      );
    assert.equal(found.length, expected.length, found.join("\n"));
  });
  test("the beginning of a flag's name is completed", () => {
    assert.deepEqual(
      problems(() => balancer(["--algo", "hash"])),
      ["--algo: there is no such flag; did you mean --algorithm?"],
    );
    assert.deepEqual(
      problems(() => reporter(["-v"])),
      ["-v: there is no such flag; did you mean --version?"],
    );
  });
  test("a word on its own, unless it may be the value of an unknown flag", () => {
    const stray = /^"stray": a word on its own/;
    for (const argv of [["stray"], ["--queue=1", "stray"]]) {
      assert.match(problems(() => balancer(argv)).join("\n"), stray, argv.join(" "));
    }
    const [unknown, ...more] = problems(() => balancer(["--xyzzy=1", "stray"]));
    assert.match(unknown!, /^--xyzzy: /);
    assert.match(more.join("\n"), stray);
    assert.equal(problems(() => balancer(["--xyzzy", "stray"])).length, 1);
  });
  test("flags are suggested, or not when nothing is near", () => {
    assert.deepEqual(
      problems(() => reporter(["--wieght=5"])),
      ["--wieght: there is no such flag; did you mean --weight?"],
    );
    assert.deepEqual(
      problems(() => reporter(["--xyzzy"])),
      ["--xyzzy: there is no such flag"],
    );
    assert.deepEqual(
      problems(() => reporter(["--halp"])),
      ["--halp: there is no such flag; did you mean --help?"],
    );
  });
  test("an option under a name that it had once: the new name, wherever it is given", () => {
    const path = file("former.toml", 'tls-key = "x"\n');
    const found = problems(() => balancer(["--config", path, "--tls-cert=x"], { HARMONY_TLS_CERT: "x" }));
    assert.deepEqual(found.toSorted(), [
      "--tls-cert is now --admin-tls-cert",
      `${path}:1:1: tls-key is now admin-tls-key`,
      "HARMONY_TLS_CERT is now HARMONY_ADMIN_TLS_CERT",
    ]);
    assert.equal(reporter([], { HARMONY_TLS_CERT: "of a balancer beside it" }).tls, null);
  });
  test("there is no flag and no file entry for the secret, and no problem shows it", () => {
    assert.equal(
      problems(() => balancer(["--key=hunter2hunter2hunter2"]))
        .join()
        .includes("hunter2"),
      false,
    );
    const path = file("secret.toml", 'key = "hunter2hunter2"');
    assert.match(
      problems(() => balancer(["--config", path])).join(),
      /secret\.toml:1:1: key: there is no such option here/,
    );
    assert.equal(
      problems(() => balancer(["--config", path]))
        .join()
        .includes("hunter2"),
      false,
    );
  });
  test("a key that is too short is a problem that does not show it", () => {
    const found = problems(() => balancer([], { HARMONY_KEY: "web:hunter2" }));
    assert.match(found.join(), /the secret of key "web" has fewer than 16 characters/);
    assert.equal(found.join().includes("hunter2"), false);
  });
  test("watching without a file", () => {
    const wanted = ["watch: there is no file to watch: name it with --config"];
    assert.deepEqual(
      problems(() => balancer(["--watch"])),
      wanted,
    );
    assert.deepEqual(
      problems(() => balancer([], { HARMONY_WATCH: "on" })),
      wanted,
    );
    balancer(["--watch", "--config", file("watched.toml", "queue = 1\n")]);
  });
  test("files that cannot be read or are no TOML", () => {
    const missing = join(folder, "missing");
    const found = problems(() => balancer(["--config", missing, "--unavailable", `@${missing}`]));
    assert.equal(found.length, 2);
    assert.match(found[0]!, /^config: the file cannot be read: .*missing/);
    assert.match(found[1]!, /^unavailable: the file cannot be read: .*missing/);
    assert.match(
      problems(() => balancer(["--config", file("no.toml", "a = \n")])).join(),
      /no\.toml:1:\d+: this is not TOML/,
    );
  });
  test("TLS files that hold something else: each is named with what it lacks", () => {
    const { adminTlsCert: tlsCert, adminTlsKey: tlsKey, tlsCa } = given as Record<string, string>;
    const broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const other = secretFile("other.pem", pem);
    const noKey = secretFile("no-key.pem", readFileSync(tlsCert!, "utf8"));
    const found = (cert: string, key: string) =>
      problems(() => balancer(["--admin-tls-cert", cert, "--admin-tls-key", key]));
    const cases: [readonly string[], RegExp[]][] = [
      [
        found(tlsKey!, noKey),
        [/^admin-tls-cert: the file holds no certificate/, /^admin-tls-key: the file holds no private key/],
      ],
      [found(broken, tlsKey!), [/^admin-tls-cert: the certificate in the file cannot be read \(.+\)$/]],
      [found(tlsCert!, other), [/^admin-tls-key: this is not the key of the certificate/]],
      [problems(() => reporter(["--tls-ca", tlsKey!])), [/^tls-ca: the file holds no certificate in PEM form/]],
      [problems(() => reporter(["--tls-ca", file("empty.pem", "")])), [/^tls-ca: the file holds no certificate/]],
      [problems(() => reporter(["--tls-ca", broken])), [/^tls-ca: the certificate in the file cannot be read/]],
    ];
    for (const [said, expected] of cases) {
      assert.equal(said.length, expected.length, said.join("\n"));
      for (const [index, pattern] of expected.entries()) assert.match(said[index]!, pattern);
    }
    const bundle = file("bundle.pem", `Roots\n${readFileSync(broken, "utf8")}${readFileSync(tlsCa!, "utf8")}`);
    assert.deepEqual(reporter(["--tls-ca", bundle]).tls, { ca: readFileSync(bundle, "utf8") });
  });
  test("the private key is refused where every user may read it, with what to do", posix, () => {
    const { adminTlsCert, adminTlsKey } = given as Record<string, string>;
    const key = file("public.pem", readFileSync(adminTlsKey!, "utf8"));
    const attempt = () => balancer(["--admin-tls-cert", adminTlsCert!, "--admin-tls-key", key]);
    chmodSync(key, 0o644);
    const found = problems(attempt).join("\n");
    assert.match(found, /^admin-tls-key: the file is open to other users \(mode 644\): .*$/);
    assert.ok(found.includes(`chmod 600 ${key}`), found);
    chmodSync(key, 0o640);
    assert.ok(attempt().adminTls);
  });
  test("options that contradict or need each other", () => {
    assert.match(problems(() => balancer(["--insecure", "--key-file", "x"])).join(), /contradict/);
    assert.match(problems(() => balancer(["--admin-tls-cert", given.adminTlsCert!])).join(), /belong together/);
    assert.match(problems(() => balancer(["--listen", "127.0.0.1:1666"])).join(), /want the same port/);
    const everywhere = ["--listen", "1666", "--admin", "127.0.0.1:1666"];
    assert.match(problems(() => balancer(everywhere)).join(), /want the same port/);
    const sameAddress = ["--listen", "127.0.0.1:5000", "--admin", "127.0.0.1:5000"];
    assert.match(problems(() => balancer(sameAddress)).join(), /want the same port/);
    assert.ok(
      balancer(["--listen", "127.0.0.1:5000,0", "--admin", "127.0.0.2:5000,0"]),
      "on different addresses it may be",
    );
    assert.match(problems(() => balancer(["--", "nginx"])).join(), /starts no command/);
    assert.match(problems(() => reporter(["--"])).join(), /name the command/);
  });
});

describe("help and version", () => {
  test("--help shows every flag with its default, and wins over problems", () => {
    const command = loadBalancer(invocation(["--help", "--nonsense"]));
    assert.ok(command.action === "help");
    for (const [name, spec] of Object.entries(balancerOptions as OptionTable)) {
      const shown = new RegExp(`^  (-., )?${spell(name, "flag")}( |$)`, "m").test(command.text);
      assert.equal(shown, isIn(spec, "flag"), name);
    }
    assert.match(command.text.replace(/\s+/g, " "), /--queue-timeout DURATION .*\(default: 30s\)/);
    assert.match(command.text, /Footer/);
  });
  test("--help says how a duration is written, and that a client that hung up keeps its place in the queue", () => {
    for (const load of [loadBalancer, loadReporter]) {
      const command = load(invocation(["--help"]));
      assert.ok(command.action === "help");
      assert.match(command.text, /^DURATION: a number and a unit, such as 500ms, 30s, 5m, 2h or 1d \(at most 24d\)/m);
    }
    const command = loadBalancer(invocation(["--help"]));
    assert.ok(command.action === "help");
    assert.match(command.text.replace(/\s+/g, " "), /--queue N .*keeps its place.*--queue-timeout DURATION/);
  });
  test("--help is wrapped to the terminal's columns, or to 80", () => {
    for (const [columns, most] of [
      [undefined, 80],
      [120, 120],
    ] as const) {
      for (const load of [loadBalancer, loadReporter]) {
        const long = { ...invocation(["--help"]).program, footer: "Word ".repeat(100) };
        const command = load({ ...invocation(["--help"]), program: long, columns });
        assert.ok(command.action === "help");
        const lengths = command.text.split("\n").map((line) => line.length);
        assert.ok(Math.max(...lengths) <= most && Math.max(...lengths) > most - 10, String(Math.max(...lengths)));
        assert.doesNotMatch(command.text, /^\S+\n\S/m, "a word on a line of its own");
      }
    }
  });
  test("-V and --version", () => {
    assert.deepEqual(loadReporter(invocation(["-V"])), { action: "version" });
    assert.deepEqual(loadReporter(invocation(["--version"])), { action: "version" });
  });
});
