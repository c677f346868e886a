/** What `make bench-instructions` makes of the emulated machine's words, and what it says where it cannot run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { markdown, readBatches, table } from "../../scripts/bench/emulated/counts.ts";
import { loader, node, root } from "../../scripts/runtimes.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

const load = (requests: number, more = "") =>
  `Running 1s test @ http://127.0.0.1:19001/\n  ${requests} requests in 1.00s, 533.91KB read\n${more}`;

function batch(kind: string, requests: number, before: string, after: string, more = ""): string {
  return `batch ${kind}\n${before}load\n${load(requests, more)}after\n${after}`;
}

describe("what the emulated machine says", () => {
  it("becomes instructions of every thread, by batch", () => {
    const first = batch("connections", 1000, "thread 7 500 main\n", "thread 7 2500 main\nthread 9 4000 JIT Worker 1\n");
    const second = batch(
      "requests",
      10,
      "thread 7 2500 main\nthread 9 4000 x\n",
      "thread 7 2600 main\nthread 9 4000 x\n",
    );
    // A warm-up says what it did, too; kernel and programs speak whenever they like.
    const text = `${load(99)}nginx: a warning\n${first}${load(98)}${second}[    8.3] a word of the kernel\nfinished\n`;
    assert.deepEqual(readBatches(text), [
      {
        kind: "connections",
        requests: 1000,
        threads: [
          { name: "main", instructions: 2000 },
          { name: "JIT Worker 1", instructions: 4000 },
        ],
      },
      { kind: "requests", requests: 10, threads: [{ name: "main", instructions: 100 }] },
    ]);
  });

  it("is shown if the machine did not come to its end", () => {
    assert.throws(() => readBatches("failed: nothing serves on port 19001\n"), /nothing serves on port 19001/);
  });

  it("does not count if requests failed", () => {
    const threads = "thread 7 500 main\n";
    const failed = batch("requests", 10, threads, threads, "  Non-2xx or 3xx responses: 3\n");
    assert.throws(() => readBatches(`${failed}finished\n`), /3 of 10 requests failed/);
    assert.throws(() => readBatches(`${batch("requests", 0, threads, threads)}finished\n`), /0 of 0 requests failed/);
  });
});

describe("the table of instructions", () => {
  const row = (form: string, ...totals: number[]) => {
    const batches = totals.map((total) => {
      const threads = [
        { name: "a", instructions: total - 100 },
        { name: "b", instructions: 100 },
      ];
      return { kind: "connections", requests: 10, threads };
    });
    return { form, batches };
  };

  it("has medians, spread, the busiest thread and the ratios", () => {
    const text = table({ connections: "Title" }, [row("Other", 1000, 1020, 1010), row("Mine", 505, 505)], ["Other"]);
    const lines = text.split("\n").map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(lines.slice(1), [
      ["Title"],
      ["all", "spread", "busiest thread", "× Other"],
      ["Other", "101", "±0.99 %", "91", "1.000"],
      ["Mine", "51", "±0.00 %", "41", "0.500"],
    ]);
  });

  it("is the same in documentation", () => {
    const kinds = { connections: "Title" };
    assert.equal(
      markdown(kinds, [row("Other", 1000), row("Mine", 505)], ["Other"]),
      [
        "| Title | all | spread | busiest thread | × Other |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| Other | 100 | ±0.00 % | 90 | 1.000 |",
        "| Mine | 51 | ±0.00 % | 41 | 0.505 |",
      ].join("\n"),
    );
  });

  it("leaves out the ratio to a form that was not measured", () => {
    assert.match(table({ connections: "Title" }, [row("Mine", 505)], ["Other"]), /41 +-$/);
  });
});

describe("make bench-instructions", { skip: process.platform !== "linux" && "for Linux" }, () => {
  const bin = temporaryFolder("tools");
  after(removeFolders);
  symlinkSync("/bin/sh", join(bin, "sh"));
  const run = () =>
    spawnSync(node, ["--import", loader, "scripts/bench/instructions.ts"], {
      cwd: root,
      encoding: "utf8",
      env: { PATH: bin },
    });

  it("says where it runs", () => {
    const { status, stderr } = run();
    assert.deepEqual([status, stderr], [1, "This benchmark is for Debian on x86-64: it emulates that.\n"]);
  });

  it("names everything that is missing, and how to install it", {
    skip: process.arch !== "x64" && "for x86-64",
  }, () => {
    for (const tool of ["apt-get", "dpkg", "cpio", "wrk"]) {
      writeFileSync(join(bin, tool), "");
      chmodSync(join(bin, tool), 0o755);
    }
    const { status, stderr } = run();
    assert.equal(status, 1);
    assert.match(stderr, /^Not installed: qemu-system-x86_64, busybox, haproxy, nginx/);
    assert.match(stderr, /apt-get install qemu-system-x86 busybox-static haproxy nginx/);
  });
});
