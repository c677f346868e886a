/** Invitations as users meet them: a host joins, is limited and taken out; who has no business here is refused. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { removeFolders } from "../support/folder.ts";
import { Host, Office } from "../support/invited.ts";
import { isTargetEvent, reasonOfLeave } from "../support/log.ts";
import { endServers, exchange, greeter, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

const secretsIn = (path: string) =>
  [...readFileSync(path, "utf8").matchAll(/^(?:private|\S{8}) (\S{22,43})( |$)/gm)].map(([, secret]) => secret!);

describe("a host that is invited", () => {
  it("joins, registers, is bound to its limits as they change, and is out within a second of its line", async () => {
    const [office, host] = [new Office(), new Host()];
    const target = await serve(greeter("served"));
    const code = await office.invite("web", "--port", String(target.port));
    const { balancer, port, adminPort } = await office.balance();

    const joined = await host.join(adminPort, code);
    assert.equal(joined.code, 0, joined.stderr);
    assert.equal(joined.stdout, `joined 127.0.0.1:${adminPort} as web\n`);
    assert.match(office.reporters, new RegExp(`^web \\S{43} port=${target.port}$`, "m"));
    await balancer.says(/^reporter web has joined by invitation \(fingerprint \S{16}\)$/);
    const reporter = host.report([adminPort], target.port);
    await reporter.says(/^registered/);
    assert.equal(await within("an answer", exchange(port, "")), "served");
    assert.ok(!existsSync(join(office.folder, "harmony")), "no shared key was made");

    const listed = await until("the balancer to have seen it", async () => {
      const { stdout } = await office.command("reporters", "--json");
      const [web] = JSON.parse(stdout).reporters;
      return web.address && web;
    });
    assert.deepEqual(
      [listed.name, listed.address, listed.targets],
      ["web", "127.0.0.1", [`default/127.0.0.1:${target.port}`]],
    );

    office.reporters = office.reporters.replace(`port=${target.port}`, "port=1");
    await until("it to be out", () => reasonOfLeave(balancer.log, target.port));
    assert.equal(await within("nobody's answer", exchange(port, "")), "");
    office.reporters = office.reporters.replace("port=1", "max-weight=1000");
    await until("it to be back", async () => (await within("an answer", exchange(port, ""))) === "served");

    const revokedAt = performance.now();
    office.revoke("web");
    await until(
      "it to be out again",
      () => balancer.log.filter((line) => isTargetEvent(line, "leave", target.port)).length === 2,
    );
    const took = performance.now() - revokedAt;
    assert.ok(took < 1_500, `it took ${Math.round(took)} ms, of which the balancer may take 1,000`);
    await reporter.says(/rejects this reporter: .*reporters file|is no longer valid/);

    const again = await host.join(adminPort, code);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /was taken out of the balancer's reporters file/);
    assert.ok(!/^web /m.test(office.reporters));

    const secrets = [code, ...secretsIn(host.identity), ...secretsIn(join(office.folder, "identity"))];
    secrets.push(...secretsIn(join(office.folder, "invitations")));
    assert.equal(secrets.length, 4);
    const said = [balancer, reporter, joined, again].map(({ stdout, stderr }) => stdout + stderr).join("");
    for (const secret of secrets) assert.ok(!said.includes(secret));
    if (process.platform === "win32") return;
    for (const file of [host.identity, ...readdirSync(office.folder).map((name) => join(office.folder, name))]) {
      assert.equal(statSync(file).mode & 0o777, 0o600, file);
    }
  });

  it("may join again, and has one line", async () => {
    const [office, host] = [new Office(), new Host()];
    const code = await office.invite("web");
    const { adminPort } = await office.balance();
    const first = await host.join(adminPort, code);
    host.env.HARMONY_KEY = "web:a-key-that-goes-first";
    const second = await host.join(adminPort, code);
    assert.deepEqual([first.code, second.code], [0, 0]);
    assert.doesNotMatch(first.stderr, /had joined before/);
    assert.match(second.stderr, /It had joined before\. What it may do stands in the balancer's reporters file/);
    assert.doesNotMatch(first.stderr, /is set here/);
    assert.match(second.stderr, /HARMONY_KEY is set here: a reporter that has it, too, uses that key/);
    assert.equal(office.reporters.match(/^web /gm)?.length, 1);
    assert.equal(readFileSync(host.identity, "utf8").match(/^balancer /gm)?.length, 1);
  });

  it("is told what is wrong with its invitation: expired, used up, mistyped, another balancer's, or no balancer's", async () => {
    const [office, other, host] = [new Office(), new Office(), new Host()];
    const [expired, used, foreign] = await Promise.all([
      office.invite("old", "--for", "1ms"),
      office.invite("web"),
      other.invite("web"),
    ]);
    const { balancer, adminPort } = await office.balance();
    assert.equal((await new Host().join(adminPort, used)).code, 0);
    const nobody = await serve(greeter("HTTP/1.1 400 Bad Request\r\n\r\n"));
    for (const [port, code, exitCode, problem] of [
      [adminPort, expired, 1, /the invitation was good until .*: make a new one there with harmony-balancer invite/],
      [adminPort, used, 1, /the invitation has been used as often as it may: make a new one/],
      [adminPort, `${used.slice(0, -3)}AAA`, 2, /the invitation is mistyped/],
      [adminPort, used.slice(0, -1), 2, /the invitation is incomplete/],
      [adminPort, "web:0123456789abcdef", 2, /that is no invitation: one begins with hi1-/],
      [adminPort, `\n\n ${used.slice(0, 40)}  ${used.slice(40)} `, 1, /has been used as often as it may/],
      [adminPort, foreign, 1, /the invitation is not accepted here: it is another balancer's/],
      [nobody.port, used, 1, /is no balancer's control port/],
    ] as const) {
      const { code: exit, stderr, stdout } = await host.join(port, code);
      assert.match(stderr, problem);
      assert.equal(exit, exitCode, stderr);
      assert.equal(stdout, "");
    }
    assert.equal(office.reporters.match(/^\w+ /gm)?.length, 1);
    await balancer.says(/rejected a reporter at .* \(invitation \S{8}\): .*invitation/);
  });

  it("is told what is wrong with the words that it gives, and where it may not write", async () => {
    const [office, host] = [new Office(), new Host()];
    const code = await office.invite("web");
    for (const [words, problem] of [
      [["join", code, "balance.mydomain"], /the balancer's host comes first, and then the invitation/],
      [
        ["join", "balance.mydomain", ""],
        /there is no invitation: it is the line that harmony-balancer invite has printed/,
      ],
      [["join", "balance.mydomain", code.slice(0, 9), `x${code.slice(9)}`], /one word too many for HOST\[:PORT\] CODE/],
      [
        ["join", "balance.mydomain", code, "--identity", join(office.reportersFile, "x")],
        /cannot write .*: run this as the user who/,
      ],
    ] as const) {
      if (problem.source.includes("cannot write")) office.reporters = "";
      const told = await host.command(...words);
      assert.match(told.stderr, problem);
      assert.equal(told.code, 2, told.stderr);
    }
    const none = await host.command("join", "balance.mydomain", "-");
    assert.match(none.stderr, /nothing came on standard input/);
    assert.equal(none.code, 2);
  });

  it("cannot come once the balancer has lost its identity: both that and what to do is said at the start and with an invitation", async () => {
    const [office, host] = [new Office(), new Host()];
    const code = await office.invite("web");
    const { balancer, adminPort } = await office.balance();
    assert.equal((await host.join(adminPort, code)).code, 0);
    await balancer.stop();
    rmSync(join(office.folder, "identity"));
    const { balancer: without } = await office.balance(adminPort);
    await without.says(
      /^there is no .*identity, by which the reporters in .* know this balancer: none of them can come\. Put it back/,
    );
    host.report([adminPort], 8080);
    await without.says(/this balancer has no identity: it has invited nobody, or has lost the file/);
    const { stderr } = await office.command("invite", "other");
    assert.match(
      stderr,
      /identity is new: who stands in .*reporters knows this balancer by another, and has to join again/,
    );
  });

  it("and its reporter come to no other balancer than the one that they mean", async () => {
    const [office, other, host] = [new Office(), new Office(), new Host()];
    const code = await office.invite("web");
    const { balancer, adminPort } = await office.balance();
    assert.equal((await host.join(adminPort, code)).code, 0);
    await balancer.stop();
    // Another one is at its address now. It has the file of reporters, and not the balancer's own key.
    await other.invite("anybody");
    other.reporters = office.reporters;
    const { balancer: impostor } = await other.balance(adminPort);
    const reporter = host.report([adminPort], 8080);
    const { message } = await reporter.logged("a refusal", ({ level }) => level === "ERROR" || level === "WARN");
    assert.match(message, /the key is not accepted here|did not prove that it holds the key/);
    assert.ok(!reporter.log.some((line) => /^registered/.test(line.message)));
    await impostor.says(/rejected a reporter/);
  });
});

describe("a fleet", () => {
  it("joins two balancers that share their files with one invitation at the same time, each under a name of its own", async () => {
    const office = new Office();
    const code = await office.invite("web", "--uses", "5", "--for", "1d");
    const ports = [await office.balance(), await office.balance()].map(({ adminPort }) => adminPort);
    const hosts = Array.from({ length: 6 }, () => new Host());
    const joined = await Promise.all(hosts.map((host, index) => host.join(ports[index % 2]!, code)));
    assert.deepEqual(joined.map((each) => each.code).sort(), [0, 0, 0, 0, 0, 1]);
    const names = [...office.reporters.matchAll(/^(web-\S+) \S{43}$/gm)].map(([, name]) => name);
    assert.equal(new Set(names).size, 5);
    assert.match(joined.find((each) => each.code === 1)!.stderr, /has been used as often as it may/);
    assert.deepEqual(
      readdirSync(office.folder).filter((name) => /\.lock|\.[0-9a-f]{12}$/.test(name)),
      [],
    );
  });
});

describe("two balancers that share their files", () => {
  it("know the same reporters: whoever joins one may join the other with the same invitation, and is out at both", async () => {
    const [office, host] = [new Office(), new Host()];
    const code = await office.invite("web");
    const [a, b] = [await office.balance(), await office.balance()];
    const target = await serve(greeter("served"));
    for (const { adminPort } of [a, b]) assert.equal((await host.join(adminPort, code)).code, 0);
    assert.equal(office.reporters.match(/^web /gm)?.length, 1);
    const reporter = host.report([a.adminPort, b.adminPort], target.port);
    const registrations = () => reporter.log.filter((line) => /^registered/.test(line.message)).length;
    await until("both to have it", () => registrations() === 2);
    for (const { port } of [a, b]) assert.equal(await within("an answer", exchange(port, "")), "served");
    office.revoke("web");
    for (const { balancer } of [a, b]) await until("it to be out", () => reasonOfLeave(balancer.log, target.port));
  });
});
