/** Options that only show their effect in running programs: the file, the default key file, TLS, logs. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { certificateFiles, renewedFiles } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { installed } from "../support/installed.ts";
import { endServers, exchange, greeter, serve } from "../support/peers.ts";
import { endPrograms, type Program, start } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

const folder = temporaryFolder("programs");
const LISTEN = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
/** A place for key files, and no other. */
const env = { XDG_CONFIG_HOME: folder, APPDATA: folder };

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

async function ports(balancer: Program): Promise<{ port: number; adminPort: number }> {
  const line = await balancer.says(/^listening/);
  const [port, adminPort] = [...line.message.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
  return { port: port!, adminPort: adminPort! };
}

function report(adminPort: number, port: number, args: readonly string[]): Program {
  const places = ["--host", `127.0.0.1:${adminPort}`, "--port", String(port), "--log-format", "json"];
  return start("harmony-reporter", [...places, ...args], { env });
}

const hello = () => serve(greeter("hello"));

describe("the programs together", () => {
  test("without any key given the balancer makes a key file, says how to hand it on, and a reporter finds it", {
    skip: installed,
  }, async () => {
    const balancer = start("harmony-balancer", LISTEN, { env });
    const { port, adminPort } = await ports(balancer);
    const { message } = await balancer.says(/created key file/);
    const path = /created key file (\S+);/.exec(message)![1]!;
    assert.match(message, /scp -p /);
    assert.ok(path.startsWith(folder) || path === "/etc/harmony/key", path);
    if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o777, 0o600);
    const secret = readFileSync(path, "utf8")
      .split("\n")
      .findLast((line) => line !== "" && !line.startsWith("#"))!;
    await report(adminPort, (await hello()).port, []).says(/^registered/);
    assert.equal(await within("an answer", exchange(port, "")), "hello");
    assert.equal(balancer.stderr.includes(secret.split(":").at(-1)!.trim()), false, "the secret is not logged");
  });

  test("TLS on the admin port, its certificate pinned by the reporter", async () => {
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const install = (from: typeof certificateFiles | typeof renewedFiles) => {
      copyFileSync(from.cert, cert);
      copyFileSync(from.key, key);
    };
    install(certificateFiles);
    const tls = ["--admin-tls-cert", cert, "--admin-tls-key", key];
    const balancer = start("harmony-balancer", [...LISTEN, ...tls, "--insecure"]);
    const { port, adminPort } = await ports(balancer);
    await balancer.says(/for reporters on 127\.0\.0\.1:\d+ with TLS \(/);
    const target = await hello();
    await report(adminPort, target.port, ["--insecure", "--tls-ca", certificateFiles.ca]).says(/^registered/);
    assert.equal(await within("an answer", exchange(port, "")), "hello");
    const plain = report(adminPort, target.port, ["--insecure"]);
    await plain.says(/no connection with .* speaks TLS: start the reporter with --tls/);
    await balancer.says(/rejected a reporter at 127\.0\.0\.1:\d+: it does not speak TLS/);
    const unpinned = report(adminPort, target.port, ["--insecure", "--tls"]);
    await unpinned.says(/TLS handshake or certificate/);
    install(renewedFiles);
    await balancer.says(/certificate has changed/);
    await report(adminPort, target.port, ["--insecure", "--tls-ca", renewedFiles.ca]).says(/^registered/);
  });

  test("a key on one side and --insecure on the other do not go together", async () => {
    const balancer = start("harmony-balancer", LISTEN, { env: { HARMONY_KEY: "only-this-key-is-valid" } });
    const { adminPort } = await ports(balancer);
    await report(adminPort, 80, ["--insecure"]).says(/rejects this reporter/);
    await balancer.says(/rejected a reporter at 127\.0\.0\.1:\d+/);
  });

  test("a configuration file", async () => {
    const path = join(folder, "harmony.toml");
    const toml = [
      'listen = "127.0.0.1:0"',
      'admin = "127.0.0.1:0"',
      'unavailable = "Closed today."',
      "insecure = true",
      'start-hold = "0"',
    ];
    writeFileSync(path, toml.join("\n"));
    const balancer = start("harmony-balancer", ["--config", path, "--log-format", "json"]);
    const { port } = await ports(balancer);
    assert.equal(await within("an answer", exchange(port, "")), "Closed today.");
    await balancer.says(/1 connection got no target: no target is up/);
  });
});

describe("the log", () => {
  test("at info has no line per connection, at debug one with its facts", async () => {
    for (const level of ["info", "debug"]) {
      const balancer = start("harmony-balancer", [...LISTEN, "--insecure", "--log-level", level]);
      const { port, adminPort } = await ports(balancer);
      await report(adminPort, (await hello()).port, ["--insecure"]).says(/^registered/);
      await exchange(port, "");
      await balancer.stop();
      const records = balancer.log.filter(({ message }) => message.startsWith("connection "));
      assert.equal(records.length, level === "debug" ? 1 : 0);
      if (level === "debug") {
        const { properties } = records[0] as unknown as { properties: { bytesOut: number; phase: string } };
        assert.deepEqual([properties.bytesOut, properties.phase], [5, "relay"]);
      }
    }
  });
  test("as text is a line for people on standard error, and nothing on standard output", async () => {
    const args = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--insecure"];
    const balancer = start("harmony-balancer", args);
    await until("the line", () => balancer.stderr.includes("listening"));
    assert.match(
      balancer.stderr,
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ INF listening for clients on 127\.0\.0\.1:\d+ and/m,
    );
    assert.equal(balancer.stdout, "");
  });
  test("whose reader is gone does not stop the balancer", async () => {
    const own = ["--api", "off", "--state", "off"]; // nothing is to be left where the user's own balancer has it
    const args = [...LISTEN, "--insecure", "--log-level", "debug", "--unavailable", "Nobody.", ...own];
    const [file, ...rest] = [...programCommand("harmony-balancer"), ...args];
    const child = spawn(file!, rest, { stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    child.stderr.on("data", (bytes: Buffer) => {
      log += bytes.toString();
    });
    try {
      const port = await until("the port", () => /clients on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
      child.stderr.destroy();
      for (let i = 0; i < 3; i++) assert.equal(await within("an answer", exchange(Number(port), "")), "Nobody.");
      assert.equal(child.exitCode, null);
    } finally {
      child.kill("SIGKILL");
      await within("its end", once(child, "exit"));
    }
  });
  test("and help, too, may be read in part", async () => {
    const [file, ...args] = programCommand("harmony-balancer");
    const child = spawn(file!, [...args, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let errors = "";
    child.stderr.on("data", (bytes: Buffer) => {
      errors += bytes.toString();
    });
    await within("its end", once(child, "close"));
    assert.equal(errors, "");
  });
  test("a port that is taken: one line that says which, and what to do", async () => {
    const { port } = await hello();
    const balancer = start("harmony-balancer", [...LISTEN, "--listen", `127.0.0.1:${port}`, "--insecure"]);
    assert.equal((await balancer.ended()).code, 1);
    assert.equal(balancer.stderr.trim().split("\n").length, 1, balancer.stderr);
    assert.match(
      balancer.stderr,
      new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: .*in use.*choose another port`),
    );
  });
});
