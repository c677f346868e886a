/** What shells complete, in the shells themselves. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, describe, it } from "node:test";
import { balancerCommands } from "../../src/bin/balancer-commands.ts";
import { bashScript } from "../../src/bin/completion/bash.ts";
import { fishScript } from "../../src/bin/completion/fish.ts";
import { completedProgram } from "../../src/bin/completion/words.ts";
import { zshScript } from "../../src/bin/completion/zsh.ts";
import { reporterCommands } from "../../src/bin/reporter-commands.ts";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { PATIENCE_MS } from "../support/wait.ts";

after(removeFolders);

const balancer = completedProgram("harmony-balancer", balancerOptions, balancerCommands);
const reporter = completedProgram("harmony-reporter", reporterOptions, reporterCommands);
const folder = temporaryFolder("completion");

/** In the program's place: it names targets. */
function makeProgram(): string {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const path = join(bin, "harmony-balancer");
  writeFileSync(
    path,
    '#!/bin/sh\n[ "$*" = "targets --names" ] && printf "web/one\\nweb/10.0.0.5:8080\\ndb/two\\nevil/\\$(>ran)\\nevil/*\\n"\n',
  );
  chmodSync(path, 0o755);
  return bin;
}

const PATH = `${makeProgram()}${delimiter}${process.env.PATH}`;
const env = { PATH, HOME: folder, LANG: "C.UTF-8", TERM: "dumb" };

function missing(shell: string): string | false {
  return spawnSync(shell, ["-c", "true"], { env }).status === 0 ? false : `there is no ${shell}`;
}

function run(shell: string, args: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(shell, args, { env, encoding: "utf8", cwd: folder });
  assert.equal(stderr, "");
  return stdout.split("\n").filter((text) => text !== "");
}

/** What each shell gives for a line whose end the user has reached; descriptions are left out. */
const SHELLS = {
  bash: (line: string) => {
    const [program = ""] = line.split(" ");
    const script = program === "harmony-reporter" ? bashScript(reporter) : bashScript(balancer);
    const call = `COMP_LINE='${line}' COMP_POINT=${line.length}; _${program.replace("-", "_")}; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", ["--norc", "-c", `${script}\n${call}`]);
  },
  fish: (line: string) => {
    const script = `${fishScript(balancer)}${fishScript(reporter)}`;
    return run("fish", ["--no-config", "-c", `${script}complete -C '${line}'`]).map((text) => text.split("\t")[0]!);
  },
} as const;

for (const [shell, complete] of Object.entries(SHELLS)) {
  describe(`completion in ${shell}`, { skip: missing(shell) }, () => {
    it("is of commands", () => {
      assert.deepEqual(complete("harmony-balancer con"), ["connections"]);
      assert.deepEqual(complete("harmony-balancer re").toSorted(), ["ready", "reload", "reporters"]);
      assert.deepEqual(complete("harmony-reporter jo"), ["join"]);
    });

    it("is of a command's options, and not of another's", () => {
      assert.deepEqual(complete("harmony-balancer drain --wa"), ["--wait"]);
      assert.deepEqual(complete("harmony-balancer drain --eff"), []);
      assert.deepEqual(complete("harmony-balancer check --eff"), ["--effective"]);
      assert.deepEqual(complete("harmony-balancer --queue-t"), ["--queue-timeout"]);
    });

    it("is of what an option or a word may be", () => {
      assert.deepEqual(complete("harmony-balancer connections --phase re"), ["relay"]);
      assert.deepEqual(complete("harmony-balancer completion z"), ["zsh"]);
    });

    it("is of targets and pools, which the program names", () => {
      assert.deepEqual(complete("harmony-balancer drain web/o"), ["web/one"]);
      assert.deepEqual(complete("harmony-balancer kill --target d"), ["db/two"]);
      assert.deepEqual(complete("harmony-balancer connections --pool w"), ["web"]);
    });
  });
}

describe("completion in bash", { skip: missing("bash") }, () => {
  it("takes what follows the last colon for the word, as bash does", () => {
    assert.deepEqual(SHELLS.bash("harmony-balancer drain web/10.0.0.5:80"), ["8080"]);
    assert.deepEqual(SHELLS.bash("harmony-balancer connections --phase=re"), ["relay"]);
  });

  it("runs nothing that stands in a name, neither now nor when the line is run", () => {
    assert.deepEqual(SHELLS.bash("harmony-balancer drain evil"), ["evil/\\$\\(\\>ran\\)", "evil/\\*"]);
    assert.deepEqual(SHELLS.bash("harmony-balancer drain evil/\\*"), ["evil/\\*"]);
    assert.ok(!existsSync(join(folder, "ran")));
  });

  it("is of files where an option takes one", () => {
    writeFileSync(join(folder, "some.toml"), "");
    assert.deepEqual(SHELLS.bash("harmony-balancer check so"), ["some.toml"]);
    assert.deepEqual(SHELLS.bash("harmony-balancer status --token-file so"), ["some.toml"]);
  });
});

describe("completion in zsh", { skip: missing("zsh") }, () => {
  /** Through a terminal of its own: zsh completes for its line editor alone. */
  const complete = (line: string): string => {
    const program = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "PS1=; fpath=(${folder} \\$fpath); autoload -Uz compinit; compinit -u -D"
      zpty -w shell "show() { print -r -- \\"<\\$BUFFER>\\"\\"END\\"; }; zle -N show; bindkey '^I' complete-word '^X' show; echo rea''dy"
      zpty -r shell seen '*ready*'
      zpty -w -n shell $'${line}\\t\\x18'
      zpty -r shell seen '*>END*'
      print -r -- \${\${seen##*<}%>END*}
      zpty -d shell
    `;
    writeFileSync(join(folder, "_harmony-balancer"), zshScript(balancer));
    const options = { env: { ...env, TERM: "vt100" }, encoding: "utf8", cwd: folder, timeout: PATIENCE_MS } as const;
    return spawnSync("zsh", ["-f", "-c", program], options).stdout.trim();
  };

  it("is of commands, options, values and targets", () => {
    assert.equal(complete("harmony-balancer conn"), "harmony-balancer connections");
    assert.equal(complete("harmony-balancer drain --wa"), "harmony-balancer drain --wait");
    assert.equal(complete("harmony-balancer connections --phase rel"), "harmony-balancer connections --phase relay");
    assert.equal(complete("harmony-balancer drain web/o"), "harmony-balancer drain web/one");
  });

  it("is a script that zsh can read", () => {
    for (const program of [balancer, reporter]) {
      const path = join(folder, "script.zsh");
      writeFileSync(path, zshScript(program));
      assert.equal(spawnSync("zsh", ["-n", path], { env, encoding: "utf8" }).stderr, "");
    }
  });
});
