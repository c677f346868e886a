/** What the project says about itself is true: one version everywhere, CI and npm run what the Makefile does. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { bun, root } from "../../scripts/runtimes.ts";
import { VERSION } from "../../src/util/version.ts";

const text = (file: string): string => readFileSync(join(root, file), "utf8");
const targets = new Set([...text("Makefile").matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));

describe("the version", () => {
  it("is the same in the source, in package.json and at the top of the changes", () => {
    assert.equal((JSON.parse(text("package.json")) as { version: string }).version, VERSION);
    assert.equal((JSON.parse(text("package-lock.json")) as { version: string }).version, VERSION);
    assert.equal(/^## (\S+)/m.exec(text("CHANGELOG.md"))?.[1], VERSION);
  });
});

describe("dependencies", () => {
  it("are exact, and the lock file names no download addresses", () => {
    const { dependencies, devDependencies } = JSON.parse(text("package.json")) as Record<
      string,
      Record<string, string>
    >;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      assert.match(version, /^(npm:[a-z]+@)?\d+\.\d+\.\d+$/, name);
    }
    assert.ok(!text("package-lock.json").includes('"resolved"'));
  });
});

describe("the CI workflow", () => {
  // Bun reads YAML itself.
  const parse = "console.log(JSON.stringify(Bun.YAML.parse(await Bun.file('.github/workflows/ci.yml').text())))";
  const { stdout, stderr } = spawnSync(bun, ["-e", parse], { cwd: root, encoding: "utf8" });

  it("is valid YAML with jobs that have steps", () => {
    const { jobs } = JSON.parse(stdout || "{}") as { jobs?: Record<string, { steps: object[]; "runs-on": string }> };
    assert.ok(jobs, stderr);
    for (const [name, job] of Object.entries(jobs)) assert.ok(job.steps.length > 0 && job["runs-on"], name);
  });

  it("runs make targets that exist", () => {
    const named = [...text(".github/workflows/ci.yml").matchAll(/(?:make|target:) \[?([a-z-]+)/g)].map(
      ([, name]) => name!,
    );
    assert.ok(named.length >= 10);
    for (const name of named) assert.ok(targets.has(name), name);
  });
});

describe("the npm scripts", () => {
  const { scripts } = JSON.parse(text("package.json")) as { scripts: Record<string, string> };
  const recipes: Record<string, string> = { start: "run" };

  for (const [name, script] of Object.entries(scripts)) {
    it(`${name} does what make ${recipes[name] ?? name} does, without make`, () => {
      const [, recipe] =
        new RegExp(`^${recipes[name] ?? name}: install .*\n\t@(.*)$`, "m").exec(text("Makefile")) ?? [];
      assert.ok(recipe, "there is no such make target");
      const command = recipe
        .replace("$(TEST)", "$(TS) scripts/test.ts")
        .replace("$(TS)", /^TS := (.*)$/m.exec(text("Makefile"))![1]!);
      assert.equal(script, `node scripts/install.mjs && ${command}`);
    });
  }
});
