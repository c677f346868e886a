/** The API over its socket: what it answers, whom it lets in, and what it does not put up with. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import { GuessLimit } from "../../src/admin/access/guess-limit.ts";
import { apiApp } from "../../src/admin/api/app.ts";
import { adminApp } from "../../src/admin/app.ts";
import { ask } from "../../src/admin/client.ts";
import type { Operated } from "../../src/admin/face.ts";
import { ownSocketPlace, socketPlaces } from "../../src/admin/places.ts";
import { AdminServer } from "../../src/admin/server.ts";
import { OptionError } from "../../src/config/values.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { NetError } from "../../src/net/net-error.ts";
import { systemClock } from "../../src/util/clock.ts";
import { messageOf } from "../../src/util/errors.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { HttpPeer } from "../support/http-peer.ts";
import { FakeOperated } from "../support/operated.ts";
import { until, within } from "../support/wait.ts";

const skip = runtime.can.unix ? false : `${runtime.name} has no Unix sockets here`;

const servers: AdminServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
after(removeFolders);

async function serve(path: string, operated: Operated = new FakeOperated(), ms?: number): Promise<AdminServer> {
  const server = new AdminServer({
    onAnswer: () => undefined,
    runtime,
    answer: adminApp(() => true, [apiApp(operated)]),
    tokens: { find: () => undefined },
    guesses: new GuessLimit(systemClock),
    names: [],
    onFault: (error) => assert.fail(messageOf(error)),
    patience: ms === undefined ? {} : { idle: ms, head: ms, body: ms },
  });
  servers.push(server);
  await server.listenAtSocket({ path, mode: null, owner: null, group: null });
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

describe("the port for monitoring", () => {
  it("holds the pages of a handful at once, since nobody there has said who he is", async () => {
    const server = new AdminServer({
      onAnswer: () => undefined,
      runtime,
      answer: () => new Promise<never>(() => undefined),
      tokens: { find: () => undefined },
      guesses: new GuessLimit(systemClock),
      names: [],
      onFault: (error) => assert.fail(messageOf(error)),
    });
    servers.push(server);
    await server.listenForMetrics({ host: "127.0.0.1", port: 0 });
    const { hostname: host, port } = new URL(server.places.metrics[0]!);
    const crowd = await Promise.all(Array.from({ length: 17 }, () => HttpPeer.connect({ host, port: Number(port) })));
    await Promise.all(crowd.map((peer) => peer.ask("GET", "/metrics")));
    await until("one to be dropped", () => crowd.some(({ ended }) => ended));
    assert.equal(crowd.filter(({ ended }) => ended).length, 1);
  });
});

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
    assert.deepEqual(await ask([path], RELOAD), await new FakeOperated().reload());
  });

  it("answers with what is wrong: with the document, or with a port", async () => {
    const path = place();
    const operated = new FakeOperated();
    await serve(path, operated);
    const fail = (error: Error) => {
      operated.reload = () => Promise.reject(error);
    };
    fail(new OptionError(["a is wrong", "b is wrong"]));
    const both = /2 problems.*a is wrong.*b is wrong/s;
    await assert.rejects(ask([path], RELOAD), { code: "BAD_OPTIONS", message: both, fault: "config" });
    fail(new NetError("EADDRINUSE", "cannot listen on 80: in use"));
    const taken = { code: "EADDRINUSE", message: "cannot listen on 80: in use", fault: "config" };
    await assert.rejects(ask([path], RELOAD), taken);
    fail(new TypeError("oops"));
    await assert.rejects(ask([path], RELOAD), { message: /a fault in the balancer itself: oops/, fault: "balancer" });
  });

  it("says what there is to whoever asks for something else", async () => {
    const path = place();
    await serve(path);
    for (const [method, url, body, status, says] of [
      ["GET", "/v2", "", 404, /there is no/],
      ["GET", "/v1/reload", "", 405, /takes POST/],
      ["POST", "/v1/compare", "{", 400, /not JSON/],
      ["POST", "/v1/compare", '{"file":1}', 400, /"file"/],
      ["POST", "/v1/compare", "[]", 400, /an object/],
      ["POST", "//", "", 404, /there is no/],
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
    await serve(path, new FakeOperated(), 100);
    for (const bytes of ["", "POST /v1/re", "POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1"]) {
      const socket = connect(path);
      socket.on("error", () => undefined);
      socket.resume();
      if (bytes !== "") socket.write(bytes);
      await within("the end of the connection", new Promise((resolve) => socket.once("close", resolve)));
    }
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
