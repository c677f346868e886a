/** PostgreSQL as a target, where it is installed. */
import assert from "node:assert/strict";
import { chownSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { asNobody, type Unprivileged } from "../support/nobody.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, Program } from "../support/program.ts";
import { folderOfPostgres } from "../support/real-servers.ts";
import { until } from "../support/wait.ts";

const bin = folderOfPostgres();
const unprivileged = asNobody(); // it refuses to run as root
const skip = bin === null ? "PostgreSQL is not installed" : typeof unprivileged === "string" && unprivileged;

describe("PostgreSQL", { skip }, () => {
  let folder = "";
  let server: Program;
  let balancer: Balancer;

  before(async () => {
    const { uid, command } = unprivileged as Unprivileged;
    folder = temporaryFolder("pg");
    const data = join(folder, "data");
    if (uid >= 0) chownSync(folder, uid, uid);
    const make = ["-D", data, "-U", "harmony", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
    const { code } = await new Program([...command, join(bin!, "initdb"), ...make], { cwd: folder }).ended();
    assert.equal(code, 0, "initdb");
    const port = await freePort();
    // Without a Unix socket (-k) and without waiting for the disk (-F).
    const place = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", "", "-F"];
    server = new Program([...command, join(bin!, "postgres"), ...place], { cwd: folder });
    await until("PostgreSQL", () => server.stderr.includes("ready to accept connections"));
    balancer = await startBalancer();
    await startReporter(balancer, port);
  });

  after(async () => {
    // Its "fast" shutdown: killed, it would leave its processes behind for a while.
    await server?.stop("SIGINT");
    await endPrograms();
    removeFolders();
  });

  /** What psql prints for these commands, run one after the other in a session of its own through the balancer. */
  async function sql(...commands: readonly string[]): Promise<string> {
    const where = ["-h", "127.0.0.1", "-p", String(balancer.port), "-U", "harmony", "-d", "postgres"];
    const quiet = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
    const psql = new Program([join(bin!, "psql"), ...where, ...quiet, ...commands.flatMap((text) => ["-c", text])]);
    const { code } = await psql.ended();
    assert.equal(code, 0, psql.stderr);
    return psql.stdout.trimEnd();
  }

  it("runs the sessions of several clients at once, transactions and all", async () => {
    await sql("CREATE TABLE entries (client int, n int)");
    const insert = (client: number) =>
      sql(
        "BEGIN",
        `INSERT INTO entries SELECT ${client}, generate_series(1, 10000)`,
        client === 0 ? "ROLLBACK" : "COMMIT",
        `SELECT count(*) FROM entries WHERE client = ${client}`,
      );
    assert.deepEqual(await Promise.all([0, 1, 2, 3].map(insert)), ["0", "10000", "10000", "10000"]);
    assert.equal(await sql("SELECT sum(n) FROM entries"), String(3 * 50_005_000));
  });

  it("sends a large result whole, and an error as an error", async () => {
    const size = 20_000_000;
    const text = await sql(`SELECT repeat('harmony ', ${size / 8})`);
    assert.ok(text === "harmony ".repeat(size / 8).trimEnd(), `${text.length} of ${size} characters`);
    await assert.rejects(sql("SELECT 1/0"), /division by zero/);
  });

  it("answers a client that was silent for a while in the same session", async () => {
    const answer = await sql(
      "CREATE TEMP TABLE mine (n int)",
      "INSERT INTO mine VALUES (7)",
      "DO $$ BEGIN PERFORM pg_sleep(0.3); END $$",
      "TABLE mine",
    );
    assert.equal(answer, "7");
  });
});
