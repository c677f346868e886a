/** The API over its socket: what it answers, whom it lets in, and what it does not put up with. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import { ask } from "../../src/admin/client.ts";
import { ownSocketPlace, socketPlaces } from "../../src/admin/places.ts";
import type { ApiBalancer } from "../../src/admin/routes.ts";
import { ApiServer } from "../../src/admin/server.ts";
import { serverSettings } from "../../src/config/library.ts";
import { OptionError } from "../../src/config/values.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { NetError } from "../../src/net/net-error.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until, within } from "../support/wait.ts";

const skip = runtime.can.httpUnix ? false : `${runtime.name} has no HTTP at Unix sockets that is to be relied on`;
const SECRET = "a-key-that-only-these-tests-use";
const settings = serverSettings({ key: SECRET, unavailable: "busy", pools: { db: { listen: 5432 } } });

const servers: ApiServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
after(removeFolders);

class FakeBalancer implements ApiBalancer {
  readonly settings = settings;
  readonly compared: (string | null)[] = [];
  failure: Error | null = null;

  reload() {
    if (this.failure !== null) return Promise.reject(this.failure);
    return Promise.resolve([{ kind: "add-pool", pool: "db", targets: [] } as const]);
  }

  compare(file: string | null) {
    this.compared.push(file);
    return [];
  }
}

async function serve(path: string, balancer: ApiBalancer = new FakeBalancer(), requestMs?: number): Promise<ApiServer> {
  const server = new ApiServer(balancer, requestMs);
  servers.push(server);
  await server.listen(path);
  return server;
}

function place(): string {
  return join(temporaryFolder("api"), "api.sock");
}

/** A socket at which nobody listens any more. */
async function dead(): Promise<string> {
  const path = place();
  const server = await serve(`${path}.first`);
  renameSync(`${path}.first`, path); // so that its end does not take it away
  await server.close();
  return path;
}

const RELOAD = { method: "POST", path: "/v1/reload" } as const;

/** As any HTTP client asks. */
function exchange(
  socketPath: string,
  method: string,
  path: string,
  body = "",
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

describe("the API", { skip }, () => {
  it("answers a reload with its steps, in words as well", async () => {
    const path = place();
    await serve(path);
    assert.deepEqual(await ask([path], RELOAD), { file: null, steps: [{ kind: "add-pool", text: "pool db: added" }] });
  });

  it("answers with what is wrong: with the document, or with a port", async () => {
    const path = place();
    const balancer = new FakeBalancer();
    await serve(path, balancer);
    balancer.failure = new OptionError(["a is wrong", "b is wrong"]);
    const both = /2 problems.*a is wrong.*b is wrong/s;
    await assert.rejects(ask([path], RELOAD), { code: "BAD_OPTIONS", message: both, fault: "config" });
    balancer.failure = new NetError("EADDRINUSE", "cannot listen on 80: in use");
    const taken = { code: "EADDRINUSE", message: "cannot listen on 80: in use", fault: "config" };
    await assert.rejects(ask([path], RELOAD), taken);
    balancer.failure = new TypeError("oops");
    await assert.rejects(ask([path], RELOAD), { message: /a fault in the balancer itself: oops/, fault: "balancer" });
  });

  it("compares the document at a path that is given, or its own", async () => {
    const path = place();
    const balancer = new FakeBalancer();
    await serve(path, balancer);
    await ask([path], { method: "POST", path: "/v1/compare", body: { file: "/etc/other.toml" } });
    await ask([path], { method: "POST", path: "/v1/compare" });
    assert.deepEqual(balancer.compared, ["/etc/other.toml", null]);
  });

  it("shows the document in force, without its secrets", async () => {
    const path = place();
    await serve(path);
    const { text } = await exchange(path, "GET", "/v1/document");
    const { key, pools, listeners } = JSON.parse(text);
    assert.equal(text.includes(SECRET), false);
    assert.equal(key, "***");
    assert.equal(pools.db.unavailable, "busy");
    assert.equal(listeners.db.listen[0].port, 5432);
  });

  it("says what there is to whoever asks for something else", async () => {
    const path = place();
    await serve(path);
    for (const [method, url, body, status, says] of [
      ["GET", "/v2", "", 404, /only \/v1\/document, \/v1\/reload/],
      ["GET", "/v1/reload", "", 405, /takes POST/],
      ["POST", "/v1/compare", "{", 400, /not JSON/],
      ["POST", "/v1/compare", '{"file":1}', 400, /"file"/],
      ["POST", "/v1/compare", "[]", 400, /"file"/],
      ["POST", "//", "", 404, /only/],
    ] as const) {
      const answer = await exchange(path, method, url, body);
      assert.equal(answer.status, status, `${method} ${url}`);
      assert.match(JSON.parse(answer.text).error.message, says);
    }
  });

  it("takes no body that is longer than a document", async () => {
    const path = place();
    await serve(path);
    const long = "x".repeat(1024 * 1024 + 1);
    // Where the rest of the body is still under way when it is answered, its sender may see the reset first.
    const answer = await exchange(path, "POST", "/v1/reload", long).catch((error: NodeJS.ErrnoException) => error.code);
    if (typeof answer === "object") assert.equal(answer.status, 413);
    else assert.match(String(answer), /ECONNRESET|EPIPE/);
    assert.equal((await exchange(path, "POST", "/v1/reload")).status, 200);
  });

  it("closes connections that are silent, or slower than a request may be", async () => {
    const path = place();
    await serve(path, new FakeBalancer(), 100);
    for (const bytes of ["", "POST /v1/re", "POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1"]) {
      const socket = connect(path);
      socket.on("error", () => undefined);
      socket.resume();
      if (bytes !== "") socket.write(bytes);
      await within("the end of the connection", new Promise((resolve) => socket.once("close", resolve)));
    }
  });

  it("holds a few connections, and closes what comes beyond that", async () => {
    const path = place();
    await serve(path);
    const open = new Set<Socket>();
    for (let i = 0; i < 20; i++) {
      const socket = connect(path);
      open.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => open.delete(socket));
    }
    await until("all but eight to be closed", () => open.size === 8);
    for (const socket of open) socket.destroy();
    const answers = () => exchange(path, "POST", "/v1/reload").catch(() => null);
    await until("an answer", async () => (await answers())?.status === 200);
  });
});

describe("the API's socket", { skip }, () => {
  it("is its owner's alone, and gone at the end with all that made it", async () => {
    const path = place();
    const server = await serve(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(dirname(path)), ["api.sock"]);
    await server.close();
    assert.deepEqual(readdirSync(dirname(path)), []);
  });

  it("takes the place of one at which nobody listens any more, and of no other one", async () => {
    const path = await dead();
    await serve(path);
    assert.ok(await ask([path], RELOAD));
    await assert.rejects(serve(path), { name: "NetError", code: "EADDRINUSE" });
    assert.ok(await ask([path], RELOAD));
    assert.deepEqual(readdirSync(dirname(path)), ["api.sock"]);
  });

  it("leaves alone what is no socket, and says what it cannot do", async () => {
    const path = place();
    writeFileSync(path, "mine");
    await assert.rejects(serve(path), { code: "EADDRINUSE", message: /no socket has this name/ });
    await assert.rejects(serve(join(path, "below")), { code: "ENOENT", message: /no folder/ });
    await assert.rejects(serve(join(dirname(path), "x".repeat(120))), { code: "EINVAL", message: /too long/ });
    assert.deepEqual(readdirSync(dirname(path)), ["api.sock"]);
  });

  it("is not taken away from another one that has replaced it", async () => {
    const path = place();
    const first = await serve(path);
    await serve(`${path}.second`);
    renameSync(`${path}.second`, path);
    await first.close();
    assert.ok(existsSync(path));
    assert.ok(await ask([path], RELOAD));
  });

  it("is found at the first place where a balancer listens; all that were tried are named if there is none", async () => {
    const [empty, left, path] = [place(), await dead(), place()];
    await serve(path);
    assert.ok(await ask([empty, left, path], RELOAD));
    await assert.rejects(ask([empty, left], RELOAD), (error: Error) => {
      assert.ok(error.message.includes(empty) && error.message.includes(left), error.message);
      assert.equal((error as { fault?: string }).fault, "balancer");
      return true;
    });
  });

  it("has places of its own by preference: a service's, the system's, the user's, the key file's", () => {
    const folder = temporaryFolder("places");
    const keyFile = join(folder, "key");
    const run = join(folder, "run");
    const env = { RUNTIME_DIRECTORY: "/run/mine:/run/other", XDG_RUNTIME_DIR: join(folder, "user") };
    const environment = { ...hostEnvironment(), platform: "linux", env };
    assert.deepEqual(socketPlaces({ keyFile }, environment, run), [
      "/run/mine/api.sock",
      join(run, "harmony/api.sock"),
      join(folder, "user/harmony/api.sock"),
      join(folder, "api.sock"),
    ]);
    assert.equal(ownSocketPlace({ keyFile }, environment, run), join(folder, "api.sock"));
    assert.deepEqual(socketPlaces({ keyFile }, { ...environment, platform: "win32" }, run), []);
  });
});
