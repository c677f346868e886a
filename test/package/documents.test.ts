/** The documents: their links lead somewhere, what they name is there. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { root } from "../../scripts/runtimes.ts";
import { documents, listed, text } from "./documents/all.ts";
import { readScript } from "./documents/script.ts";

const targets = new Set([...text("Makefile").matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));
const scripts = (JSON.parse(text("package.json")) as { scripts: Record<string, string> }).scripts;

/** A heading's anchor, as GitHub makes it. */
function anchors(markdown: string): Set<string> {
  const headings = markdown.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("the documents", () => {
  it("are found", () => assert.ok(documents.includes("README.md") && documents.length > 10, listed.stderr));

  it("the first one fits on a few screens", () => assert.ok(text("README.md").trimEnd().split("\n").length <= 150));

  for (const file of documents) {
    it(`${file} links to what is there`, () => {
      for (const [, link] of text(file).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        const [path, anchor] = link!.split("#") as [string, string?];
        const target = path === "" ? file : join(dirname(file), path);
        assert.ok(existsSync(join(root, target)), `${link}: ${target} is not there`);
        if (anchor !== undefined)
          assert.ok(anchors(text(target)).has(anchor), `${link}: ${target} has no such heading`);
      }
    });

    it(`${file} names make targets and npm scripts that exist`, () => {
      const code = [...text(file).matchAll(/^```sh\n([\s\S]*?)^```$|^ {4}(.*)$|`([^`\n]+)`/gm)].map((match) =>
        match.slice(1).join(""),
      );
      for (const [, name] of code.join("\n").matchAll(/^make ([a-z-]+)/gm)) {
        assert.ok(targets.has(name!), `make ${name} is not there`);
      }
      for (const [, run, name = run] of code.join("\n").matchAll(/\bnpm (?:run ([a-z-]+)|(test|start))\b/g)) {
        assert.ok(scripts[name!], `npm run ${name} is not there`);
      }
    });

    it(`${file} says of each command how it is run`, () => {
      for (const step of readScript(text(file)))
        assert.ok(step.kind !== "problem", `${file}:${step.line}: ${"text" in step ? step.text : ""}`);
    });
  }
});

describe("the messages of docs/troubleshooting.md", () => {
  const source = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => text(join("src", file)))
    .join("\n");
  const headings = [...text("docs/troubleshooting.md").matchAll(/^### `.*`$/gm)].join("\n");
  for (const [, message] of headings.matchAll(/`([^`]+)`/g)) {
    it(`${message} is in the source`, () => {
      // Messages are put together from parts: what is left out, and what follows a colon, stands elsewhere.
      for (const part of message!
        .split(/…|: /)
        .map((each) => each.trim())
        .filter((each) => each !== "")) {
        assert.ok(source.includes(part), `no message holds "${part}"`);
      }
    });
  }
});
