import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clientSettings, serverSettings as wholeSettings } from "../../src/config/library.ts";
import { OptionError } from "../../src/config/values.ts";
import { flat } from "./flat.ts";

const serverSettings = (options: object) => flat(wholeSettings(options));

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
  test("programs' own options are not the library's", () => {
    assert.equal(problems(() => clientSettings({ logLevel: "info", config: "x" })).length, 2);
  });
});
