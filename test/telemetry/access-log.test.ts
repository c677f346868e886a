import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { AccessLog, type AccessLogSettings } from "../../src/telemetry/access-log/access-log.ts";
import type { Destination } from "../../src/telemetry/access-log/destination.ts";
import { openFile } from "../../src/telemetry/access-log/destination.ts";
import { ACCESS_FIELDS, EDGE_FIELDS } from "../../src/telemetry/access-log/fields.ts";
import { accessLine } from "../../src/telemetry/access-log/format.ts";
import { LineWriter } from "../../src/telemetry/access-log/line-writer.ts";
import { isSampled } from "../../src/telemetry/access-log/sample.ts";
import { systemClock } from "../../src/util/clock.ts";
import fc from "../support/draws.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until, within } from "../support/wait.ts";
import { record } from "./records.ts";

after(removeFolders);

const linux = process.platform === "linux" ? false : "it needs a Linux system";
const deno = "deno" in process.versions ? "Deno does not tell how much of a write a pipe has taken" : false;
const waits = "deno" in process.versions ? "in Deno a write that waits for its reader keeps the whole thread" : false;
const FIELDS = ACCESS_FIELDS.map(({ name }) => name);
const EDGE = EDGE_FIELDS.map(({ name }) => name);

/** A line of text, taken apart. */
function fieldsOf(line: string): Map<string, string> {
  const found = [...line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|[^ ]*)(?: |\n$)/gu)];
  assert.equal(found.map(([all]) => all).join(""), line, "nothing but fields");
  return new Map(found.map(([, name, value]) => [name!, value!.startsWith('"') ? JSON.parse(value!) : value!]));
}

describe("a line of the access log", () => {
  const served = record({
    listener: "*:3000",
    queuedMs: 1.23456,
    tried: [{ target: "web/b", code: "ECONNREFUSED" }],
    requeues: 1,
  });

  it("has every field of the table, in its order", () => {
    assert.deepEqual([...fieldsOf(accessLine(served, "text")).keys()], FIELDS);
    assert.deepEqual(Object.keys(JSON.parse(accessLine(served, "json"))), FIELDS);
  });

  it("has the record's values, in ms with three decimals, times in UTC", () => {
    assert.equal(
      accessLine(served, "text"),
      "startedAt=2026-11-30T00:00:00.000Z client=192.0.2.1:5000 listener=*:3000 pool=web target=web/a endedBy=client phase=relay " +
        "cause=fin queuedMs=1.235 connectMs=1 firstByteMs=2 durationMs=5 bytesIn=10 bytesOut=100 requeues=1 tried=web/b(ECONNREFUSED)\n",
    );
    assert.deepEqual(JSON.parse(accessLine(served, "json")).tried, [{ target: "web/b", code: "ECONNREFUSED" }]);
  });

  it("says that there is nothing by a dash, or by null", () => {
    const none = record({ client: { host: "", port: 0 }, target: null, connectMs: null, firstByteMs: null });
    const fields = fieldsOf(accessLine(none, "text"));
    assert.deepEqual(
      ["client", "target", "connectMs", "firstByteMs", "tried"].map((name) => fields.get(name)),
      ["unix", "-", "-", "-", "-"],
    );
    assert.equal(JSON.parse(accessLine(none, "json")).target, null);
  });

  it("has more fields where more is known of clients", () => {
    const facts = {
      via: { host: "10.0.0.9", port: 4_000 },
      destination: { host: "203.0.113.1", port: 443 },
      serverName: "www.example.com",
      alpn: "h2",
      tls: {
        version: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        certificate: { commonName: "Jo Doe", verified: true },
      },
      uniqueId: new TextEncoder().encode("req-7"),
    };
    const line = accessLine(record({ facts }), "text");
    assert.deepEqual([...fieldsOf(line).keys()], [...FIELDS, ...EDGE]);
    assert.match(
      line,
      / via=10\.0\.0\.9:4000 destination=203\.0\.113\.1:443 uniqueId=req-7 serverName=www\.example\.com alpn=h2 tls=TLSv1\.3 tlsCipher=TLS_AES_128_GCM_SHA256 tlsClient="Jo Doe"\n$/,
    );
    const stranger = { ...facts.tls, certificate: { commonName: "Jo Doe", verified: false } };
    const bare = { ...facts, via: null, tls: stranger, uniqueId: Uint8Array.of(0x0a, 0xff) };
    const fields = fieldsOf(accessLine(record({ facts: bare }), "text"));
    assert.deepEqual(
      ["via", "tlsClient", "uniqueId"].map((name) => fields.get(name)),
      ["-", "-", "0x0aff"],
      "what nobody has verified is nobody's name",
    );
    assert.deepEqual(Object.keys(JSON.parse(accessLine(record({ facts }), "json"))), [...FIELDS, ...EDGE]);
  });

  it("is one line with the same fields, whatever names have in them", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1 }),
        fc.string({ unit: "grapheme", minLength: 1 }),
        (target, listener) => {
          const odd = record({ target, listener });
          for (const format of ["text", "json"] as const) {
            const line = accessLine(odd, format);
            assert.doesNotMatch(line.slice(0, -1), /[\n\r\u0085\u2028\u2029]/);
          }
          const fields = fieldsOf(accessLine(odd, "text"));
          assert.deepEqual([...fields.keys()], FIELDS);
          assert.deepEqual([fields.get("target"), fields.get("listener")], [target, listener]);
        },
      ),
      { examples: [["a\u2028b", "\u0085"]] },
    );
  });
});

describe("sampling", () => {
  it("takes one in so many of those that went as they should", () => {
    assert.equal(
      isSampled(record(), 1, () => 0.999),
      true,
    );
    assert.equal(
      isSampled(record(), 10, () => 0.0999),
      true,
    );
    assert.equal(
      isSampled(record(), 10, () => 0.1),
      false,
    );
    assert.equal(
      isSampled(record({ cause: "reset" }), 10, () => 0.5),
      false,
      "a client that breaks off is none of our faults",
    );
  });

  const failures: Record<string, Partial<CloseRecord>> = {
    "no target": { phase: "unavailable", target: null, cause: "no-targets", endedBy: "balancer" },
    "a target that failed it before": { tried: [{ target: "web/b", code: "ETIMEDOUT" }], requeues: 1 },
    "a reset by the target": { cause: "reset", endedBy: "target" },
    "an idle one": { cause: "idle", endedBy: "balancer" },
    "one that was killed": { cause: "killed", endedBy: "balancer" },
    "a client that left while it waited": { phase: "queue", cause: "reset" },
  };
  for (const [name, also] of Object.entries(failures)) {
    it(`takes every failure: ${name}`, () =>
      assert.equal(
        isSampled(record(also), 1_000_000, () => 0.999),
        true,
      ));
  }
});

const toClose: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of toClose.splice(0)) await each.close(); // also what a test that has failed has left
});

/** A writer of its own, and what it warned of. */
class Bench {
  readonly warnings: string[] = [];
  lost = 0;
  readonly writer: LineWriter;

  constructor(open: () => Destination, most?: number) {
    this.writer = new LineWriter({
      clock: systemClock,
      name: "the access log",
      open,
      onWarning: (text) => this.warnings.push(text),
      onLost: (count) => {
        this.lost += count;
      },
      ...(most === undefined ? {} : { most }),
    });
    this.writer.open();
    toClose.push(this.writer);
  }

  /** Numbered lines, so that what is missing or comes twice shows. */
  write(from: number, to: number): void {
    for (let i = from; i < to; i++) this.writer.write(`line ${i} ${"x".repeat(90)}\n`);
  }
}

function numbers(text: string): number[] {
  assert.ok(text === "" || text.endsWith("\n"), "whole lines");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [, number] = /^line (\d+) x{90}$/.exec(line) ?? assert.fail(`no whole line: ${line}`);
      return Number(number);
    });
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Reads a FIFO that is open for reading. */
class Reader {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(65_536);
  text = "";
  #isClosed = false;

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    toClose.push(this);
  }

  read(): string {
    for (;;) {
      let bytes = 0;
      try {
        bytes = readSync(this.#fd, this.#buffer);
      } catch (error) {
        if ((error as { code?: string }).code !== "EAGAIN") throw error;
      }
      if (bytes === 0) return this.text;
      this.text += this.#buffer.toString("latin1", 0, bytes);
    }
  }

  close(): void {
    if (!this.#isClosed) closeSync(this.#fd);
    this.#isClosed = true;
  }
}

function fifo(): string {
  const path = join(temporaryFolder("access-log"), "fifo");
  execFileSync("mkfifo", [path]);
  return path;
}

describe("the writer", () => {
  const file = () => join(temporaryFolder("access-log"), "access.log");

  it("writes every line, in order, and those that are kept at its end", async () => {
    const path = file();
    const bench = new Bench(() => openFile(path));
    for (let i = 0; i < 20; i++) {
      bench.write(500 * i, 500 * (i + 1));
      await new Promise((resolve) => setTimeout(resolve, i % 3));
    }
    await within("its end", bench.writer.close());
    assert.deepEqual(numbers(readFileSync(path, "latin1")), range(0, 10_000));
    assert.deepEqual([bench.lost, bench.warnings], [0, []]);
  });

  it("adds to what is there, in a file that others cannot read", async () => {
    const path = file();
    for (const from of [0, 5]) {
      const bench = new Bench(() => openFile(path));
      bench.write(from, from + 5);
      await bench.writer.close();
    }
    assert.deepEqual(numbers(readFileSync(path, "latin1")), range(0, 10));
    if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o007, 0);
  });

  it("goes on in a new file when it is told that the old one was moved, and loses no line over that", async () => {
    const path = file();
    const bench = new Bench(() => openFile(path));
    const moved: string[] = [];
    for (let i = 0; i < 10; i++) {
      bench.write(1_000 * i, 1_000 * i + 500);
      await until("the file", () => existsSync(path));
      moved.push(`${path}.${i}`);
      renameSync(path, moved.at(-1)!);
      bench.writer.reopen();
      bench.write(1_000 * i + 500, 1_000 * (i + 1));
      await until("the new file", () => existsSync(path));
    }
    await bench.writer.close();
    const all = [...moved, path].map((each) => numbers(readFileSync(each, "latin1")));
    assert.deepEqual(all.flat(), range(0, 10_000));
    assert.equal(all.at(-1)!.at(-1), 9_999);
  });

  it("goes on where it was if the new file cannot be opened, and says so", async () => {
    const path = file();
    let isBroken = false;
    const bench = new Bench(() => {
      if (isBroken) throw new Error("no permission");
      return openFile(path);
    });
    isBroken = true;
    bench.writer.reopen();
    bench.write(0, 10);
    await bench.writer.close();
    assert.deepEqual(numbers(readFileSync(path, "latin1")), range(0, 10));
    assert.deepEqual(bench.warnings, [
      "the access log cannot be opened again, and goes on where it was: no permission",
    ]);
  });

  it("keeps lines for a pipe that has no reader yet", { skip: linux }, async () => {
    const path = fifo();
    const bench = new Bench(() => openFile(path));
    bench.write(0, 100);
    assert.deepEqual(bench.warnings, [
      "the access log is not written: nobody reads it; lines are kept while there is room",
    ]);
    const reader = new Reader(path);
    await until("the lines", () => reader.read().endsWith(`line 99 ${"x".repeat(90)}\n`));
    assert.deepEqual(numbers(reader.text), range(0, 100));
    assert.deepEqual(bench.warnings.slice(1), ["the access log is written again; 0 lines are lost"]);
  });

  it("counts the lines that it loses to a reader that does not read, says so, and goes on with whole ones", {
    skip: linux,
  }, async () => {
    const path = fifo();
    const reader = new Reader(path);
    const bench = new Bench(() => openFile(path), 50_000);
    for (let i = 0; bench.lost === 0; i += 100) {
      assert.ok(i < 1_000_000, "it keeps no more than it may");
      bench.write(i, i + 100);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    bench.write(5_000_000, 5_001_000);
    assert.equal(bench.warnings.length, 1, "one word for all of them");
    assert.match(bench.warnings[0]!, /^the access log is not written: .+; \d+ lines? (is|are) lost so far$/);
    const lost = bench.lost;
    await until("that it is written again", () => reader.read() !== "" && bench.warnings.length === 2);
    assert.equal(bench.warnings[1], `the access log is written again; ${lost} lines are lost`);
    bench.write(9_000_000, 9_000_001);
    await until("the last line", () => reader.read().includes("line 9000000 "));
    assert.equal(new Set(numbers(reader.text)).size, numbers(reader.text).length, "no line twice");
  });

  it("waits for another reader when the one that it had has gone", { skip: linux }, async () => {
    const path = fifo();
    const first = new Reader(path);
    const bench = new Bench(() => openFile(path));
    bench.write(0, 10);
    await until("the first lines", () => numbers(first.read()).length === 10);
    first.close();
    bench.write(10, 20);
    await until("the word", () => bench.warnings.length === 1);
    assert.match(bench.warnings[0]!, /nobody reads it/);
    const second = new Reader(path);
    await until("the other lines", () => numbers(second.read()).length === 10);
    assert.deepEqual(numbers(second.text), range(10, 20));
  });

  it("keeps lines while a disk is full, and writes them where it is told to go on", { skip: linux }, async () => {
    const path = file();
    let where = "/dev/full";
    const bench = new Bench(() => openFile(where), 5_000);
    bench.write(0, 10);
    await until("the word", () => bench.warnings.length === 1);
    assert.equal(
      bench.warnings[0],
      "the access log is not written: the disk is full; lines are kept while there is room",
    );
    bench.write(10, 100);
    assert.ok(bench.lost > 0 && bench.lost < 90, `${bench.lost} lost`);
    const { lost } = bench;
    where = path;
    bench.writer.reopen();
    await until("that it is written again", () => bench.warnings.at(-1)?.includes("written again") === true);
    bench.write(200, 210);
    await bench.writer.close();
    assert.deepEqual(numbers(readFileSync(path, "latin1")), [...range(0, 100 - lost), ...range(200, 210)]);
  });

  it("does not wait for ever at its end", { skip: linux }, async () => {
    const bench = new Bench(() => openFile("/dev/full"));
    bench.write(0, 10);
    await within("its end", bench.writer.close(), 5_000);
    assert.equal(bench.lost, 10);
  });

  it("counts at its end what it could not write, and nothing of what it could", { skip: linux || deno }, async () => {
    const path = fifo();
    const reader = new Reader(path);
    const bench = new Bench(() => ({ ...openFile(path), most: 256 * 1024 })); // more than a pipe takes
    bench.write(0, 2_000);
    await within("its end", bench.writer.close(), 5_000);
    const whole = reader.read().split("\n").length - 1;
    assert.ok(whole > 0);
    assert.equal(whole + bench.lost, 2_000);
  });

  it("gives back what it writes to, though its end came while a write was under way", {
    skip: linux || waits,
  }, async () => {
    const path = fifo();
    const reader = new Reader(path);
    let closed = 0;
    const open = (): Destination => {
      const fd = openSync(path, constants.O_WRONLY); // whose writes wait for the reader
      return {
        fd,
        most: 1024 * 1024,
        close: () => {
          closed += 1;
          closeSync(fd);
        },
      };
    };
    const bench = new Bench(open);
    bench.write(0, 5_000);
    await within("its end", bench.writer.close(), 5_000);
    assert.equal(closed, 0);
    await until("the write to be over", () => {
      reader.read();
      return closed > 0;
    });
    assert.equal(closed, 1);
  });
});

describe("the access log", () => {
  const opened = (settings: Partial<AccessLogSettings>) =>
    new AccessLog(
      { accessLog: null, accessLogFormat: "text", accessLogSample: 1, ...settings },
      { clock: systemClock, onWarning: (text) => assert.fail(text), prefix: "" },
    );

  it("says at once that it cannot be opened", () => {
    const path = join(temporaryFolder("access-log"), "none", "access.log");
    assert.throws(() => opened({ accessLog: { path } }), { code: "ACCESS_LOG", fault: "config" });
  });

  it("goes over to another file, another format, and none", async () => {
    const folder = temporaryFolder("access-log");
    const [one, two] = ["one", "two"].map((name) => ({ path: join(folder, name) })) as [
      { path: string },
      { path: string },
    ];
    const log = opened({ accessLog: one });
    toClose.push(log);
    log.add(record({ pool: "a" }));
    log.change({ accessLog: two, accessLogFormat: "json", accessLogSample: 1 });
    log.add(record({ pool: "b" }));
    assert.throws(() => log.change({ accessLog: { path: folder }, accessLogFormat: "json", accessLogSample: 1 }));
    log.add(record({ pool: "c" }));
    assert.equal(log.path, two.path);
    log.change({ accessLog: null, accessLogFormat: "json", accessLogSample: 1 });
    log.add(record({ pool: "d" }));
    assert.deepEqual([log.isOn, log.reopen(), log.lost], [false, false, 0]);
    await log.close();
    assert.match(readFileSync(one.path, "utf8"), /^startedAt=.* pool=a .*\n$/);
    const pools = readFileSync(two.path, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).pool);
    assert.deepEqual(pools, ["b", "c"]);
  });
});
