/** The manual pages can be read by whatever shows such pages. That they are current, `make check` says. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { manualPages } from "../../scripts/man.ts";
import { root } from "../../scripts/runtimes.ts";

const lacks = (command: string) => spawnSync(command, ["-V"]).error !== undefined && `there is no ${command} here`;

describe("the manual pages", () => {
  for (const [file, text] of Object.entries(manualPages)) {
    const name = /([a-z-]+)\.1$/.exec(file)![1]!;

    it(`${name} is written as mandoc expects it`, { skip: lacks("mandoc") }, () => {
      const { stdout, stderr } = spawnSync("mandoc", ["-Tlint", "-Wwarning", join(root, file)], { encoding: "utf8" });
      // They are made of the source, which has no date.
      const problems = `${stdout}${stderr}`.split("\n").filter((line) => line !== "" && !line.includes("missing date"));
      assert.deepEqual(problems, []);
    });

    it(`${name} shows every paragraph`, { skip: lacks("man") }, () => {
      const env = { ...process.env, MANWIDTH: "1000", MAN_KEEP_FORMATTING: "0", LC_ALL: "C.UTF-8" };
      const { status, stdout, stderr } = spawnSync(
        "man",
        ["--local-file", "--warnings", "--no-hyphenation", join(root, file)],
        {
          env,
          encoding: "utf8",
        },
      );
      assert.deepEqual([status, stderr], [0, ""]);
      const shown = stdout.replaceAll(/\s+/g, " ");
      const paragraphs = text.split("\n").filter((line) => !line.startsWith("."));
      assert.ok(paragraphs.length > 20);
      for (const paragraph of paragraphs) {
        const words = paragraph.replaceAll("\\-", "-").replaceAll("\\&", "").replaceAll("\\e", "\\");
        assert.ok(shown.includes(words), `it does not show: ${words}`);
      }
    });
  }
});
