/** The ports of a balancer's API as strangers, browsers, scrapers and its operator find them. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { certificateFiles, renewedFiles } from "../support/certificates.ts";
import { startBalancer, startWithTls } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { HttpPeer } from "../support/http-peer.ts";
import { field } from "../support/log.ts";
import { endServers, serve } from "../support/peers.ts";
import { endPrograms, start } from "../support/program.ts";
import { until } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

const addressOf = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) });

class World {
  readonly folder = temporaryFolder("api-access");
  readonly socket = join(this.folder, "api.sock");
  url = "";
  metrics = "";
  balancer!: Awaited<ReturnType<typeof startBalancer>>;

  static async start(args: readonly string[] = []): Promise<World> {
    const world = new World();
    const places = ["--api", `unix:${world.socket}`, "--api", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    world.balancer = await startBalancer([...places, "--reporters", join(world.folder, "reporters"), ...args]);
    world.url = field((await world.balancer.program.says(/^the dashboard is at/))!, "dashboard") as string;
    world.metrics = field((await world.balancer.program.says(/^metrics are at/))!, "metrics") as string;
    return world;
  }

  token(right: "read" | "act"): string {
    return readFileSync(join(this.folder, `token-${right}`), "utf8").trim();
  }

  async ask(method: string, path: string, fields: Readonly<Record<string, string>> = {}, at = this.url) {
    const peer = await HttpPeer.connect(addressOf(at));
    const answer = await peer.exchange(method, path, { host: new URL(at).host, connection: "close", ...fields });
    await peer.connection.close();
    return answer;
  }

  as(right: "read" | "act") {
    return { authorization: `Bearer ${this.token(right)}` };
  }
}

describe("the API's ports", () => {
  it("take the tokens that the balancer makes beside its key, and nobody else", async () => {
    const world = await World.start();
    if (process.platform !== "win32") assert.equal(statSync(join(world.folder, "token-act")).mode & 0o777, 0o600);
    assert.equal((await world.ask("GET", "/v1/document", world.as("read"))).status, 200);
    assert.equal((await world.ask("GET", "/v1/document", world.as("act"))).status, 200);
    assert.equal((await world.ask("GET", "/v1/document")).status, 401);
    assert.equal((await world.ask("GET", "/v1/document", { authorization: `Bearer ${"x".repeat(43)}` })).status, 401);
    const page = await world.ask("GET", "/");
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'.*frame-ancestors 'none'/);
    for (const path of ["/livez", "/readyz"]) assert.equal((await world.ask("GET", path)).status, 200);
    const { stderr } = world.balancer.program;
    for (const right of ["read", "act"] as const)
      assert.ok(!stderr.includes(world.token(right)), "no secret is logged");
    const read = world.as("read");
    rmSync(join(world.folder, "token-read"));
    assert.equal((await world.ask("GET", "/v1/document", read)).status, 401);
  });

  it("refuse other web sites, and names that are not the balancer's", async () => {
    const world = await World.start(["--api-host", "lb.example"]);
    const as = world.as("act");
    assert.equal((await world.ask("POST", "/v1/reload", { ...as, origin: "https://evil.example" })).status, 403);
    assert.equal((await world.ask("GET", "/v1/document", { ...as, "sec-fetch-site": "cross-site" })).status, 403);
    assert.equal((await world.ask("GET", "/v1/document", { ...as, host: "evil.example" })).status, 421);
    assert.equal((await world.ask("GET", "/v1/document", { ...as, host: "lb.example" })).status, 200);
  });

  it("sign a browser in by a link, once", async () => {
    const world = await World.start();
    const command = start("harmony-balancer", ["dashboard", "--read-only", "--api", `unix:${world.socket}`]);
    assert.equal((await command.ended()).code, 0, command.stderr);
    const [page, code] = command.stdout.trim().split("#code=");
    assert.equal(page, world.url);
    const body = JSON.stringify({ code });
    const { status, body: said } = await world.ask("POST", "/v1/session", { body });
    assert.equal(status, 200, said);
    const { token, name, right } = JSON.parse(said) as { token: string; name: string; right: string };
    assert.deepEqual([name, right], ["read", "read"]);
    assert.equal((await world.ask("GET", "/v1/document", { authorization: `Bearer ${token}` })).status, 200);
    assert.equal((await world.ask("POST", "/v1/session", { body })).status, 401);
    assert.ok(!world.balancer.program.stderr.includes(code!));
  });

  it("hold a thousand silent connections, and a slow one, and serve the next", async () => {
    const world = await World.start();
    const silent: HttpPeer[] = [];
    for (let n = 0; n < 1_000; n++) silent.push(await HttpPeer.connect(addressOf(world.url)));
    const slow = await HttpPeer.connect(addressOf(world.url));
    await slow.send("GET /livez HTTP/1.1\r\nhost: ");
    assert.equal((await world.ask("GET", "/v1/document", world.as("read"))).status, 200);
    const target = await serve((connection) => connection.close());
    const client = await HttpPeer.connect({ host: "127.0.0.1", port: world.balancer.port });
    await client.end();
    await until("most of the silent ones to be dropped", () => silent.filter(({ ended }) => ended).length >= 700);
    for (const { connection } of [...silent, slow]) connection.abort();
    await target.close();
  });

  it("read no body that is longer than any, and no head", async () => {
    const world = await World.start();
    const big = { ...world.as("act"), "content-length": String(2 ** 21) };
    assert.equal((await world.ask("POST", "/v1/compare", big)).status, 413);
    assert.equal((await world.ask("POST", "/v1/session", { "content-length": "5000" })).status, 413);
    assert.equal((await world.ask("GET", "/livez", { x: "a".repeat(20_000) })).status, 431);
    assert.equal(
      (await world.ask("POST", "/v1/compare", { ...world.as("act"), "transfer-encoding": "chunked" })).status,
      411,
    );
  });
});

describe("the API's ports with TLS", {
  skip: !runtime.can.tls && `${runtime.name} has no TLS here`,
}, () => {
  const tls = (world: World, ca: string) =>
    runtime.connect({ to: addressOf(world.url), tls: { ca, serverName: "localhost" } });

  it("speak it alone, and take a renewed certificate by themselves", async (t) => {
    const files = temporaryFolder("api-tls");
    const [cert, key] = [join(files, "cert.pem"), join(files, "key.pem")];
    const put = (from: { readonly cert: string; readonly key: string }) => {
      copyFileSync(from.cert, cert);
      copyFileSync(from.key, key);
    };
    put(certificateFiles);
    const world = await startWithTls(t, () => World.start(["--api-tls-cert", cert, "--api-tls-key", key]));
    if (!world) return;
    assert.match(world.url, /^https:/);
    const peer = new HttpPeer(await tls(world, readFileSync(certificateFiles.ca, "utf8")));
    assert.equal((await peer.exchange("GET", "/v1/document", world.as("read"))).status, 200);
    const plain = await HttpPeer.connect(addressOf(world.url));
    await plain.ask("GET", "/livez");
    await plain.end();
    assert.doesNotMatch(plain.text, /^HTTP/);
    put(renewedFiles);
    const renewed = await until("the renewed certificate", async () => {
      return (await tls(world, readFileSync(renewedFiles.ca, "utf8")).catch(() => null)) ?? null;
    });
    const again = new HttpPeer(renewed);
    assert.equal((await again.exchange("GET", "/readyz")).status, 200);
    for (const { connection } of [peer, again]) connection.abort();
  });
});

describe("the port for metrics", () => {
  it("answers probes without a token, and refuses all else", async () => {
    const world = await World.start();
    assert.equal((await world.ask("GET", "/livez", {}, world.metrics)).status, 200);
    assert.equal((await world.ask("GET", "/readyz", { host: "10.1.2.3" }, world.metrics)).status, 200);
    for (const [method, path] of [
      ["GET", "/"],
      ["GET", "/v1/document"],
      ["POST", "/v1/reload"],
      ["POST", "/livez"],
    ] as const)
      assert.equal((await world.ask(method, path, world.as("act"), world.metrics)).status, 403, `${method} ${path}`);
  });
});

describe("a balancer whose API cannot be where it is to be", () => {
  it("does not start, where that was asked for", async () => {
    const { port } = await serve((connection) => connection.close());
    const places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
    const keys = ["--reporters", join(temporaryFolder("api-taken"), "reporters")];
    for (const option of ["--api", "--metrics"]) {
      const program = start("harmony-balancer", [...places, ...keys, option, `127.0.0.1:${port}`], {
        env: { HARMONY_KEY: "web:a-key-of-these-tests", ...(option === "--api" ? { HARMONY_API: "" } : {}) },
      });
      assert.equal((await program.ended()).code, 1);
      assert.match(program.stderr, /in use/);
    }
  });

  it("refuses to send tokens in the clear unless it is told to", async () => {
    const program = start("harmony-balancer", ["--api", "0.0.0.0:1667"]);
    assert.equal((await program.ended()).code, 2);
    assert.match(program.stderr, /api-tls-cert.*api-insecure/s);
  });
});
