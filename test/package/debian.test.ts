/** The Debian packages, on a machine that systemd runs: installed, started, upgraded, removed and purged, without a trace. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compileWithBun } from "../../scripts/build/bun.ts";
import { programs } from "../../scripts/build/programs.ts";
import { type Architecture, buildPackage } from "../../scripts/deb/build.ts";
import { packages } from "../../scripts/deb/packages.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { endPrograms } from "../support/program.ts";
import { noSystemd, SystemdMachine } from "../support/systemd-machine.ts";
import { until } from "../support/wait.ts";

const architecture: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
const noDpkg = spawnSync("dpkg-deb", ["--version"]).status !== 0 && "this is no Debian";
/** 2.0.1 is the same with another number: what is tested is the way from one to the next. */
const VERSIONS = ["2.0.0", "2.0.1"];
const balancer = "harmony-balancer.service";

after(async () => {
  await endPrograms();
  removeFolders();
});

describe("the Debian packages", { skip: noDpkg || noSystemd }, () => {
  let machine: SystemdMachine;

  const place = temporaryFolder("deb");

  before(async () => {
    for (const debian of packages) {
      const program = join(place, debian.name);
      await compileWithBun(programs.find(({ name }) => name === debian.name)!, program);
      // The fastest compression: these packages are not kept.
      for (const version of VERSIONS) buildPackage(debian, { version, architecture, program, level: 1 }, place);
    }
    machine = await SystemdMachine.boot();
  });

  after(() => machine?.close());

  const install = (version: string, name: string) =>
    machine.shell(`dpkg --install ${place}/${name}_${version}_${architecture}.deb`);
  /** Of ours, wherever a package may have put some, but for what dpkg and systemd's journal know of them. */
  const files = () =>
    machine.shell(
      "find /etc /run /var/lib /usr/bin /usr/lib/systemd /usr/lib/sysusers.d /usr/share/doc /usr/share/man/man1 /usr/share/bash-completion " +
        "/usr/share/zsh /usr/share/fish -iname '*harmony*' -not -path '*harmony-test*' -not -path '/var/lib/dpkg/*' 2>/dev/null || true",
    );
  let filesBefore = "";

  it("start a balancer that the commands of root reach", () => {
    filesBefore = files();
    install("2.0.0", "harmony-balancer");
    assert.equal(machine.property(balancer, "ActiveState"), "active");
    assert.equal(machine.shell("systemctl is-enabled harmony-balancer"), "enabled");
    machine.shell("harmony-balancer status --quiet");
    assert.equal(machine.shell("stat -c '%U %a' /var/lib/harmony"), "harmony 700");
  });

  it("bring manual pages and what shells complete", () => {
    assert.match(machine.shell("man --local-file /usr/share/man/man1/harmony-balancer.1.gz"), /SYNOPSIS/);
    machine.shell(
      "bash --norc -c 'source /usr/share/bash-completion/completions/harmony-balancer && complete -p harmony-balancer'",
    );
  });

  it("do not start a reporter before it knows whom it is to report to", async () => {
    install("2.0.0", "harmony-reporter");
    assert.equal(machine.property("harmony-reporter.service", "ActiveState"), "inactive");
    machine.write("/etc/harmony/reporter.toml", 'host = ["127.0.0.1"]\nport = 8080\n');
    machine.shell("systemctl start harmony-reporter");
    await until("it to be registered", () =>
      /registered/.test(machine.property("harmony-reporter.service", "StatusText")),
    );
  });

  it("upgrade what runs, and leave alone what an administrator has written or switched off", async () => {
    const key = machine.shell("cat /var/lib/harmony/key");
    machine.shell('sed -i \'s/"3000"/"3001"/\' /etc/harmony/balancer.toml && systemctl restart harmony-balancer');
    const process = () => machine.property(balancer, "MainPID");
    const old = process();
    install("2.0.1", "harmony-balancer");
    assert.notEqual(process(), old);
    assert.equal(machine.property(balancer, "ActiveState"), "active");
    assert.match(machine.shell("ss -Hltn"), /:3001\s/);
    assert.equal(machine.shell("cat /var/lib/harmony/key"), key);
    const reporter = machine.property("harmony-reporter.service", "MainPID");
    install("2.0.1", "harmony-reporter");
    assert.notEqual(machine.property("harmony-reporter.service", "MainPID"), reporter);
    machine.shell("systemctl disable --now harmony-balancer");
    install("2.0.1", "harmony-balancer");
    assert.equal(machine.property(balancer, "ActiveState"), "inactive");
    assert.equal(machine.run("systemctl", "is-enabled", balancer).output.trim(), "disabled");
    machine.shell("systemctl enable --now harmony-balancer");
  });

  it("are removed with what runs, and keep what they were told", () => {
    machine.shell("dpkg --remove harmony-balancer");
    assert.notEqual(machine.property(balancer, "ActiveState"), "active");
    machine.shell(
      "test -e /etc/harmony/balancer.toml && test -e /var/lib/harmony/key && test ! -e /usr/bin/harmony-balancer",
    );
  });

  it("are purged one after the other: the second takes what both have kept", () => {
    machine.shell("dpkg --purge harmony-balancer && test -e /var/lib/harmony/key");
    machine.shell("dpkg --purge harmony-reporter");
    machine.shell("test ! -e /var/lib/harmony && test ! -e /etc/harmony");
    assert.equal(files(), filesBefore);
    machine.shell("systemctl daemon-reload && ! systemctl cat harmony-balancer 2>/dev/null");
  });
});
