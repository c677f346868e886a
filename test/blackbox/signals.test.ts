/** How the programs stop: signals, exit codes, and the reporter's child. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { codeOf } from "../../src/util/errors.ts";
import { KEY, launchReporter, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { compiled, programCommand, scriptCommand } from "../support/form.ts";
import { field } from "../support/log.ts";
import { dial, echoServer, endServers, exchange, openConnection } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, Program, start } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has no signals: a program is ended there, not asked to stop";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

const noOtherUser =
  (process.platform !== "linux" || process.getuid?.() !== 0 || spawnSync("setpriv", ["--version"]).status !== 0) &&
  "it takes root, Linux and setpriv to start a server as another user";

const noFifo = skip || (spawnSync("mkfifo", ["--version"]).status !== 0 && "there is no mkfifo here");

/** The pipe, open for writing; undefined while nobody has it open for reading. */
function writerOf(pipe: string): number | undefined {
  try {
    return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) !== "ENXIO") throw error;
    return undefined;
  }
}

describe("the balancer", { skip }, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`at ${signal} takes no more connections, lets open ones finish, and exits with 0`, async () => {
      const balancer = await startBalancer();
      const reporter = await startReporter(balancer, (await echoServer()).port);
      const { connection, ask } = await openConnection(balancer.port);
      balancer.program.signal(signal);
      await reporter.says(/stopp|goodbye/i);
      await until("the port to be closed", () => refused(balancer.port));
      await ask("still here");
      assert.equal(balancer.program.exit, undefined);
      await connection.close();
      assert.deepEqual(await balancer.program.ended(), { code: 0, signal: null });
      assert.equal(reporter.exit, undefined);
    });
  }

  it("at a second signal ends at once", async () => {
    const balancer = await startBalancer();
    await startReporter(balancer, (await echoServer()).port);
    const { connection } = await openConnection(balancer.port);
    balancer.program.signal("SIGTERM");
    await until("the port to be closed", () => refused(balancer.port));
    balancer.program.signal("SIGTERM");
    await balancer.program.ended();
    connection.abort();
  });

  it("ends connections that outlast the drain time-out, and exits with 0", async () => {
    const balancer = await startBalancer(["--drain-timeout", "300ms"]);
    await startReporter(balancer, (await echoServer()).port);
    const { next } = await openConnection(balancer.port);
    const cut = next().then(
      () => "ended",
      () => "ended", // by a reset, where the runtime can send one
    );
    assert.deepEqual(await balancer.program.stop(), { code: 0, signal: null });
    assert.equal(await within("the end of the connection", cut), "ended");
  });

  /** With a reporter and a connection, and where /readyz is asked. */
  async function delayed(delay: string) {
    const balancer = await startBalancer(["--stop-delay", delay, "--metrics", "127.0.0.1:0"]);
    const { port } = new URL(field(await balancer.program.says(/^metrics are at/), "metrics") as string);
    await startReporter(balancer, (await echoServer()).port);
    return { balancer, ...(await openConnection(balancer.port)), isReady: () => readiness(Number(port)) };
  }

  it("with a stop delay says at once that it is not ready, and takes clients until it is over", async () => {
    const { balancer, isReady, ask, connection } = await delayed("1h");
    const { program, port } = balancer;
    assert.equal(await isReady(), 200);
    program.signal("SIGTERM");
    await until("that it is not ready", async () => (await isReady()) === 503);
    assert.equal(await within("an answer", exchange(port, "new\n")), "new\n");
    await startReporter(balancer, (await echoServer()).port);
    await ask("still here");
    assert.equal(program.exit, undefined);
    // A second one ends delay and connections.
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
    connection.abort();
  });

  it("stops by itself when the stop delay is over, and lets connections finish", async () => {
    const { balancer, ask, connection } = await delayed("200ms");
    const { program, port } = balancer;
    program.signal("SIGTERM");
    await program.says(/stopping in 200ms; 1 connection may finish within 30s then$/);
    await until("the port to be closed", () => refused(port));
    await ask("still here");
    await connection.close();
    assert.deepEqual(await program.ended(), { code: 0, signal: null });
  });

  it("at SIGHUP reads its configuration again, and goes on", async () => {
    const config = join(temporaryFolder("signals"), "harmony.toml");
    writeFileSync(config, "");
    const balancer = await startBalancer(["--config", config]);
    await startReporter(balancer, (await echoServer()).port);
    const { connection, ask } = await openConnection(balancer.port);
    balancer.program.signal("SIGHUP");
    await balancer.program.says(/^SIGHUP: reading .*harmony\.toml again/);
    await balancer.program.says(/^reloaded: nothing has changed/);
    await ask("still here");
    assert.equal(await within("an answer", exchange(balancer.port, "new\n")), "new\n");
    await connection.close();
    assert.deepEqual(await balancer.program.stop(), { code: 0, signal: null });
  });

  it("while it starts is not ended by a signal that it does not end at", { skip: noFifo }, async () => {
    const config = join(temporaryFolder("signals"), "config");
    spawnSync("mkfifo", [config]);
    const places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
    const program = start("harmony-balancer", [...places, "--config", config], { env: { HARMONY_KEY: KEY } });
    // It reads its options: that ends when the pipe has a writer, which can open it only then.
    const pipe = await until("the pipe's reader", () => {
      assert.equal(program.exit, undefined, program.stderr);
      return writerOf(config);
    });
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) program.signal(signal);
    writeSync(pipe, 'log-level = "debug"\n');
    closeSync(pipe);
    await program.says(/listening/);
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
  });

  it("at SIGUSR2 logs its table of targets", async () => {
    const balancer = await startBalancer();
    const { port } = await echoServer();
    await startReporter(balancer, port, ["--balance", "77"]);
    balancer.program.signal("SIGUSR2");
    await balancer.program.logged("the table", (line) => {
      const text = JSON.stringify(line);
      return text.includes(`127.0.0.1:${port}`) && text.includes("77") && /"active"|active/.test(text);
    });
    assert.equal(await within("an answer", exchange(balancer.port, "hello\n")), "hello\n");
  });
});

/** Runs a command on a terminal of its own, and hangs that up when a line comes on standard input. Exits with the command's code. */
const ON_TERMINAL = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
sys.stdin.readline()
os.close(terminal)
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
`;
const noTerminal =
  skip || (spawnSync("python3", ["-c", "import pty"]).status !== 0 && "there is no python3 to open a terminal with");

async function readiness(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  await answer.text();
  return answer.status;
}

async function refused(port: number): Promise<boolean> {
  return dial(port).then(
    (connection) => {
      connection.abort();
      return false;
    },
    () => true,
  );
}

describe("the reporter", { skip }, () => {
  it("at SIGTERM drains: open connections finish, new ones go elsewhere, and it exits with 0", async () => {
    const balancer = await startBalancer();
    const [leaving, staying] = await Promise.all([echoServer(), echoServer()]);
    const reporter = await startReporter(balancer, leaving.port, ["--balance", "1000"]);
    await startReporter(balancer, staying.port, ["--balance", "1"]);
    const { connection, ask } = await openConnection(balancer.port);
    assert.equal(leaving.served(), 1);

    reporter.signal("SIGTERM");
    await balancer.program.logged("the drain", (line) => line.message.includes("drain"));
    assert.equal(await exchange(balancer.port, "new\n"), "new\n");
    assert.equal(staying.served(), 1);
    await ask("still here");
    assert.equal(reporter.exit, undefined);
    await connection.close();
    assert.deepEqual(await reporter.ended(), { code: 0, signal: null });
  });

  it("ignores SIGHUP, and says so", async () => {
    const balancer = await startBalancer();
    const reporter = await startReporter(balancer, (await echoServer()).port);
    reporter.signal("SIGHUP");
    await reporter.says(/^SIGHUP: ignored/);
    assert.equal(await exchange(balancer.port, "hello\n"), "hello\n");
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
  });

  it("drains and leaves when the terminal that it was started on is hung up", { skip: noTerminal }, async () => {
    const balancer = await startBalancer();
    const { port } = await echoServer();
    const options = ["--host", `127.0.0.1:${balancer.adminPort}`, "--port", String(port)];
    const reporter = new Program(["python3", "-c", ON_TERMINAL, ...programCommand("harmony-reporter"), ...options], {
      env: { HARMONY_KEY: KEY },
      stdin: true,
    });
    await balancer.program.says(/is up at/);
    reporter.tell("hang up");
    await balancer.program.says(/drains/);
    await balancer.program.says(/said goodbye/);
    const { code } = await reporter.ended();
    // Node itself aborts at any exit when it cannot restore the modes of a terminal that is gone (node::ResetStdio).
    if (compiled || "bun" in process.versions || "deno" in process.versions) assert.equal(code, 0);
  });

  it("stops at once when no balancer has ever taken its target in", async () => {
    const reporter = launchReporter([await freePort()], 80);
    await reporter.logged(
      "that it has no balancer",
      (line) => line.level === "WRN" || /cannot|refused/.test(line.message),
    );
    const asked = performance.now();
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
    // Its drain time-out is 30 s.
    assert.ok(performance.now() - asked < 10_000, `it took ${performance.now() - asked} ms`);
  });

  it("leaves after its drain time-out though connections are open", async () => {
    const balancer = await startBalancer();
    const reporter = await startReporter(balancer, (await echoServer()).port, ["--drain-timeout", "300ms"]);
    const { connection, ask } = await openConnection(balancer.port);
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
    await ask("still here");
    await connection.close();
  });
});

describe("the reporter with a server of its own", () => {
  const target = (port: number, name: string) => [
    "--",
    ...scriptCommand("test/support/target-program.ts"),
    "http",
    name,
    String(port),
  ];
  const script = (code: string) => [
    "--",
    process.execPath,
    ...(("deno" in process.versions && ["eval"]) || ["-e"]),
    code,
  ];

  it("exits with the server's exit code when that ends by itself, and the target leaves", async () => {
    const balancer = await startBalancer();
    const port = await freePort();
    const listen = `require("node:net").createServer().listen(${port}, "127.0.0.1", () => setTimeout(() => process.exit(7), 1500))`;
    const reporter = launchReporter([balancer.adminPort], port, script(asModule(listen)));
    await reporter.says(/registered/i);
    assert.deepEqual(await reporter.ended(), { code: 7, signal: null });
    await balancer.program.logged("the leave", (line) => /left|leave/i.test(line.message));
    assert.doesNotMatch(reporter.stderr, /still accepts/);
  });

  it("says what else accepts on the port when the server ends by itself, as it does where the port is taken", async () => {
    const earlier = await echoServer();
    const reporter = launchReporter([1], earlier.port, script("process.exit(1)"));
    assert.deepEqual(await reporter.ended(), { code: 1, signal: null });
    assert.match(
      reporter.stderr,
      new RegExp(`with code 1; something still accepts connections on port ${earlier.port}, and`),
    );
  });

  it("exits with 128 and the signal's number when the server dies by a signal", { skip }, async () => {
    const balancer = await startBalancer();
    const port = await freePort();
    const reporter = launchReporter([balancer.adminPort], port, script('process.kill(process.pid, "SIGKILL")'));
    assert.deepEqual(await reporter.ended(), { code: 137, signal: null });
    assert.match(reporter.stderr, /the server has ended by itself with code 137 \(SIGKILL\)/);
  });

  it("reports only once the port accepts", async () => {
    const balancer = await startBalancer();
    const port = await freePort();
    const reporter = launchReporter([balancer.adminPort], port, target(port, "named"));
    await reporter.says(/registered/i);
    await dial(port).then((connection) => connection.close());
  });

  it("hands the server no key", async () => {
    const balancer = await startBalancer();
    const port = await freePort();
    const print = 'console.log("HARMONY_KEY=" + (process.env.HARMONY_KEY ?? "not there"))';
    const reporter = launchReporter([balancer.adminPort], port, script(print));
    await reporter.ended();
    assert.match(reporter.stdout, /HARMONY_KEY=not there/);
    assert.ok(!`${reporter.stdout}${reporter.stderr}`.includes(KEY));
  });

  it("shows a server that is another user neither its environment nor its key file", {
    skip: noOtherUser,
  }, async () => {
    const file = join(temporaryFolder("key"), "key");
    writeFileSync(file, KEY, { mode: 0o600 });
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const look = 'id -u; for f in "/proc/$PPID/environ" "$0"; do cat "$f" > /dev/null && echo "read $f"; done';
    const command = [...nobody, "sh", "-c", look, file];
    const reporter = launchReporter([1], await freePort(), ["--", ...command]);
    await reporter.ended();
    assert.equal(reporter.stdout, "65534\n", reporter.stderr);
  });

  it("tells the server the port it is to listen on as PORT", async () => {
    const port = await freePort();
    const reporter = launchReporter([1], port, script('console.log("PORT=" + process.env.PORT)'));
    await reporter.ended();
    assert.equal(reporter.stdout, `PORT=${port}\n`);
  });

  it("says so when the command cannot be started", async () => {
    const reporter = launchReporter([1], 80, ["--", "harmony-no-such-command"]);
    const exit = await reporter.ended();
    assert.notEqual(exit.code, 0);
    assert.match(reporter.stderr, /harmony-no-such-command/);
  });
});

/** `deno eval` knows no require(). */
function asModule(code: string): string {
  if (!("deno" in process.versions)) return code;
  return `import { createRequire } from "node:module"; const require = createRequire(import.meta.url ?? "file:///"); ${code}`;
}

describe("exit codes", () => {
  it("2 for wrong options, all named at once, with what is allowed", async () => {
    const program = start("harmony-balancer", ["--listen", "99999", "--queue", "few", "--algoritm", "hash"]);
    assert.equal((await program.ended()).code, 2);
    for (const word of ["99999", "few", "--algorithm"]) assert.ok(program.stderr.includes(word), program.stderr);
    assert.ok(!/^ +at /m.test(program.stderr), "no stack trace");
  });

  it("1 for a port that is taken, in one line", async () => {
    const server = await echoServer();
    const program = start("harmony-balancer", ["--listen", `127.0.0.1:${server.port}`, "--admin", "127.0.0.1:0"], {
      env: { HARMONY_KEY: KEY },
    });
    assert.equal((await program.ended()).code, 1);
    const said = program.stderr.trim().split("\n");
    assert.equal(said.length, 1, program.stderr);
    assert.match(said[0]!, new RegExp(`${server.port}.*in use|in use.*${server.port}`, "i"));
  });

  it("0 for --help and --version", async () => {
    for (const name of ["harmony-balancer", "harmony-reporter"] as const) {
      const help = start(name, ["--help"]);
      assert.equal((await help.ended()).code, 0);
      assert.match(help.stdout, /--key-file/);
      const version = start(name, ["--version"]);
      assert.equal((await version.ended()).code, 0);
      assert.match(version.stdout, /2\.0\.0.*(node|bun|deno)/i);
    }
  });
});
