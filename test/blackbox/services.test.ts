/** Redis and PostgreSQL, where they are installed, behind a balancer that knows of neither: each brings its service with its reporter. */
import assert from "node:assert/strict";
import { appendFileSync, chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { Machine, noNetworks } from "../support/machine.ts";
import { asNobody, type Unprivileged } from "../support/nobody.ts";
import { endPrograms, Program } from "../support/program.ts";
import { folderOfPostgres, missing } from "../support/real-servers.ts";
import { until } from "../support/wait.ts";

const bin = folderOfPostgres();
const unprivileged = asNobody(); // PostgreSQL refuses to run as root
const skip =
  noNetworks ||
  missing("redis-server", "--version") ||
  (bin === null && "PostgreSQL is not installed") ||
  (typeof unprivileged === "string" && unprivileged);

/** The engine under test; the runner sets it to test one that `auto` would not take. */
const engine = process.env.HARMONY_TEST_ENGINE;

const BALANCER = "10.1.0.1";
const SERVERS = "10.1.0.2";

describe("a balancer that was started with nothing but a key file", { skip }, () => {
  /** Machines with networks of their own, so that it can have the ports that it has by itself. */
  let here: Machine;
  let there: Machine;
  let balancer: Program;
  let keyFile = "";
  const folder = temporaryFolder("services");

  before(async () => {
    [here, there] = await Promise.all([Machine.withNetwork(), Machine.withNetwork()]);
    here.connect("eth0", BALANCER, there, "eth0", SERVERS);
    keyFile = join(folder, "key");
    writeFileSync(keyFile, "services:a-secret-of-these-tests pool=db,cache listen=5432,6379 options=persistent\n", {
      mode: 0o600,
    });
    balancer = here.run([...programCommand("harmony-balancer"), "--key-file", keyFile], {
      XDG_RUNTIME_DIR: here.home,
      ...(engine !== undefined && { HARMONY_ENGINE: engine }),
    });
    await balancer.says(/^listening/);
  });

  after(async () => {
    await endPrograms();
    removeFolders();
  });

  /** A server with its reporter, on a machine of its own, once its clients can connect to it at the balancer. */
  async function serve(pool: string, port: number, options: readonly string[], command: readonly string[]) {
    const place = [
      "--host",
      BALANCER,
      "--key-file",
      keyFile,
      "--pool",
      pool,
      "--listen",
      `${port}`,
      "--port",
      `${port}`,
    ];
    const reporter = there.run([...programCommand("harmony-reporter"), ...place, ...options, "--", ...command]);
    await balancer.says(new RegExp(`^port ${port} is open for pool ${pool}`));
    await balancer.says(new RegExp(`^target ${pool}/${SERVERS}:${port} is up`));
    return reporter;
  }

  /** What a client's command prints, on the balancer's machine. */
  async function print(...command: readonly string[]): Promise<string> {
    const client = here.run(command);
    const { code } = await client.ended();
    assert.equal(code, 0, client.stderr);
    return client.stdout.trim();
  }

  const redis = (...words: readonly string[]) => print("redis-cli", "-h", "127.0.0.1", "-p", "6379", ...words);
  const sql = (text: string) => {
    const where = ["-h", "127.0.0.1", "-p", "5432", "-U", "harmony", "-d", "postgres"];
    return print(join(bin!, "psql"), ...where, "-X", "-A", "-t", "-c", text);
  };

  it("serves Redis and PostgreSQL, each as soon as its server runs with its reporter, and both when one has left", async () => {
    await assert.rejects(redis("PING"), "nobody has asked for its port");
    const cache = await serve(
      "cache",
      6379,
      ["--pool-options", "persistent=off"],
      ["redis-server", "--port", "6379", "--protected-mode", "no", "--save", "", "--dir", folder],
    );
    assert.equal(await redis("SET", "greeting", "hello"), "OK");

    const { uid, command } = unprivileged as Unprivileged;
    const home = temporaryFolder("pg");
    const data = join(home, "data");
    if (uid >= 0) chownSync(home, uid, uid);
    const make = ["-D", data, "-U", "harmony", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
    const { code } = await new Program([...command, join(bin!, "initdb"), ...make], { cwd: home }).ended();
    assert.equal(code, 0, "initdb");
    appendFileSync(join(data, "pg_hba.conf"), `host all all ${BALANCER}/32 trust\n`);
    // Without a Unix socket (-k) and without waiting for the disk (-F).
    const postgres = [...command, join(bin!, "postgres"), "-D", data, "-h", "*", "-p", "5432", "-k", "", "-F"];
    // It accepts connections before it can serve them.
    const isReady = ["--check", `exec:${join(bin!, "pg_isready")} -h {host} -p {port} interval=100ms`];
    const db = await serve("db", 5432, isReady, postgres);
    assert.equal(await sql("SELECT 6 * 7"), "42");
    assert.equal(await redis("GET", "greeting"), "hello");

    db.signal("SIGTERM");
    await db.ended();
    await balancer.says(new RegExp(`^target db/${SERVERS}:5432 has left`));
    assert.equal(await redis("GET", "greeting"), "hello");
    cache.signal("SIGTERM");
    await cache.ended();
    await until("the target to leave", () => balancer.stderr.includes(`target cache/${SERVERS}:6379 has left`));
  });

  it("refuses what the key does not name, with what its line needs", async () => {
    const place = ["--host", BALANCER, "--key-file", keyFile, "--pool", "db", "--port", "5432"];
    const reporter = (...args: readonly string[]) =>
      there.run([...programCommand("harmony-reporter"), ...place, ...args]);
    const { message } = await reporter("--listen", "5433").says(/rejects this reporter/);
    assert.match(message, /key "services" may not have port 5433 opened, only 5432, 6379/);
    const options = ["--listen", "5432", "--pool-options", "algorithm=random"];
    const refused = await reporter(...options).says(/rejects this reporter/);
    assert.match(refused.message, /may not declare the option "algorithm"/);
  });
});
