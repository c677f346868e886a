/** The units of examples/systemd, as they are, under a systemd that runs them: the compiled programs, hardened and watched. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compileWithBun } from "../../scripts/build/bun.ts";
import { programs } from "../../scripts/build/programs.ts";
import { node, root } from "../../scripts/runtimes.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { endPrograms } from "../support/program.ts";
import { noSystemd, SystemdMachine } from "../support/systemd-machine.ts";
import { until } from "../support/wait.ts";

const example = join(root, "examples/systemd");
const files = readdirSync(example, { recursive: true, encoding: "utf8" });
const balancer = "harmony-balancer.service";

after(async () => {
  await endPrograms();
  removeFolders();
});

const noAnalysis = spawnSync("systemd-analyze", ["--version"]).status !== 0 && "there is no systemd-analyze here";

describe("what systemd says of the units' hardening", { skip: noAnalysis }, () => {
  // app.service runs a server of the reader's own, of which nothing is known.
  for (const unit of files.filter((file) => file.endsWith(".service") && file.startsWith("harmony"))) {
    it(`is an exposure of ${unit} under 2`, () => {
      const args = ["security", "--offline=true", "--no-pager", join(example, unit)];
      const { stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
      const level = /Overall exposure level for .*: (\d+\.\d+)/.exec(stdout)?.[1];
      assert.ok(level !== undefined && Number(level) < 2, `${level}\n${stdout}${stderr}`);
    });
  }
});

describe("the units", { skip: noSystemd }, () => {
  let machine: SystemdMachine;

  before(async () => {
    const place = temporaryFolder("programs");
    for (const program of programs) await compileWithBun(program, join(place, program.name));
    machine = await SystemdMachine.boot();
    machine.shell(`install ${place}/* /usr/local/bin`);
    for (const file of files) {
      if (file.endsWith(".toml")) machine.write(`/etc/harmony/${file}`, readFileSync(join(example, file)));
      else if (/\.(service|socket|conf)$/.test(file)) machine.write(`/etc/systemd/system/${file}`, unitText(file));
    }
    machine.write("/srv/app/server.mjs", readFileSync(join(root, "examples/wrapped-server/server.mjs")));
    machine.shell("rm -r /etc/systemd/system/harmony-balancer.service.d"); // until the socket's turn comes
    machine.shell("useradd --system --shell /usr/sbin/nologin harmony; echo '127.0.0.1 balance.mydomain' >>/etc/hosts");
    machine.shell("systemctl daemon-reload && systemctl start harmony-balancer");
  });

  after(() => machine?.close());

  /** With the server's program where it is here. */
  function unitText(file: string): string {
    return readFileSync(join(example, file), "utf8").replaceAll("/usr/bin/node", node);
  }

  function dropIn(unit: string, text: string): void {
    machine.write(`/etc/systemd/system/${unit}.d/test.conf`, text);
    machine.shell(`systemctl daemon-reload`);
  }

  function withoutDropIn(unit: string): void {
    machine.shell(`rm -r /etc/systemd/system/${unit}.d && systemctl daemon-reload`);
  }

  it("start a balancer that listens when systemctl returns, with the fast engine, and says how it is", () => {
    assert.equal(machine.property(balancer, "ActiveState"), "active");
    assert.match(machine.shell("ss -Hltn"), /:3000\s/);
    assert.match(machine.journal(balancer), /\(engine linux\)/);
    assert.match(machine.property(balancer, "StatusText"), /^Serving: 0 of 0 targets up/);
  });

  it("reload it, or say that its file has a fault, and then nothing has changed", () => {
    machine.shell("systemctl reload harmony-balancer");
    machine.shell("cp /etc/harmony/balancer.toml /tmp && echo 'queue = \"many\"' >>/etc/harmony/balancer.toml");
    assert.notEqual(machine.run("systemctl", "reload", balancer).status, 0);
    assert.equal(machine.property(balancer, "ActiveState"), "active");
    machine.shell("cp /tmp/balancer.toml /etc/harmony && systemctl reload harmony-balancer");
  });

  it("start a server with the reporter around it, which accepts when systemctl returns", async () => {
    machine.shell("systemctl start app && curl -sf http://127.0.0.1:8080/");
    await until("a target", () => machine.run("curl", "-sf", "http://127.0.0.1:3000/").status === 0);
    assert.match(machine.property("app.service", "StatusText"), /1 target registered/);
    machine.shell("systemctl stop app");
    assert.equal(machine.property("app.service", "Result"), "success");
  });

  it("bind a reporter to a server's own unit: it comes after it and drains before it", async () => {
    const server = `[Service]
Environment=PORT=5432
ExecStart=${node} /srv/app/server.mjs
`;
    machine.write("/etc/systemd/system/shop.service", server); // PostgreSQL's own unit may be there
    machine.shell("cp /etc/harmony/postgresql.toml /etc/harmony/shop.toml");
    machine.shell("systemctl daemon-reload && systemctl start shop harmony-reporter@shop");
    const reporter = "harmony-reporter@shop.service";
    await until("a target", () => machine.run("curl", "-sf", "http://127.0.0.1:3000/").status === 0);
    await until("its status", () => /1 target registered/.test(machine.property(reporter, "StatusText")));
    machine.shell("systemctl stop shop");
    assert.equal(machine.property(reporter, "ActiveState"), "inactive");
    assert.match(machine.journal(reporter), /SIGTERM: draining[\s\S]*\bleft\b/);
  });

  it("let one reporter speak for several servers", async () => {
    const pools = "[pool.web]\\nlisten = [8000]\\n[pool.mail]\\nlisten = [2500]\\n";
    machine.shell(`printf '${pools}' >>/etc/harmony/balancer.toml && systemctl reload harmony-balancer`);
    machine.shell("systemctl start harmony-reporter");
    await until("both targets", () =>
      /2 targets registered/.test(machine.property("harmony-reporter.service", "StatusText")),
    );
    machine.shell(
      "/usr/local/bin/harmony-reporter status --quiet && systemctl stop harmony-reporter && test -e /run/harmony/api.sock",
    );
  });

  it("let connections finish for longer than TimeoutStopSec", () => {
    dropIn(balancer, "[Service]\nTimeoutStopSec=1\n");
    machine.shell("systemctl start app");
    const stopped = machine.shell(
      "for i in {1..50}; do curl -sf http://127.0.0.1:3000/ >/dev/null && break; sleep 0.1; done\n" +
        "exec 3<>/dev/tcp/127.0.0.1/3000; (sleep 3; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -n1 <&3 >/tmp/answer) &\n" +
        "exec 3>&-; systemctl stop harmony-balancer; wait; cat /tmp/answer",
    );
    assert.match(stopped, /^HTTP\/1.1 200/m);
    assert.equal(machine.property(balancer, "Result"), "success");
    withoutDropIn(balancer);
    machine.shell("systemctl stop app; systemctl start harmony-balancer");
  });

  it("start a balancer again that stands still", async () => {
    dropIn(balancer, "[Service]\nWatchdogSec=1\n");
    machine.shell("systemctl restart harmony-balancer");
    machine.shell(`kill -STOP ${machine.property(balancer, "MainPID")}`);
    await until("another start", () => machine.property(balancer, "NRestarts") === "1");
    await until("it to serve", () => machine.property(balancer, "ActiveState") === "active");
    withoutDropIn(balancer);
  });

  it("hold the port while the balancer is away: who comes then waits for it", async () => {
    machine.shell("systemctl stop harmony-balancer");
    machine.write(
      "/etc/systemd/system/harmony-balancer.service.d/socket.conf",
      unitText("harmony-balancer.service.d/socket.conf"),
    );
    machine.shell("systemctl daemon-reload && systemctl start harmony-balancer.socket app");
    assert.equal(machine.property(balancer, "ActiveState"), "inactive");
    assert.match(machine.shell("curl -sf --max-time 20 http://127.0.0.1:3000/"), /served on port 8080/);
    assert.equal(machine.property(balancer, "ActiveState"), "active");
    machine.shell("systemctl restart harmony-balancer");
    await until("a target", () => machine.run("curl", "-sf", "http://127.0.0.1:3000/").status === 0);
  });
});
