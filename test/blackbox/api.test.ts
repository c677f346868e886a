/** The API of a balancer that runs: every route answers as it is described, and what it is told takes effect. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Connection } from "../../src/admin/api/schemas/connections.ts";
import type { Event } from "../../src/admin/api/schemas/people.ts";
import { answerViolations, type Description } from "../admin/api/description.ts";
import { type Balancer, cutsWithReset, KEY, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { field } from "../support/log.ts";
import { echoServer, endServers, exchange, openConnection } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what it is, the test says.
  readonly body: any;
}

let balancer: Balancer;
let url: string;
let token: string;
let description: Description;
let declared: string;

const POOL = "default";
const folder = temporaryFolder("api");
const config = join(folder, "harmony.toml");

before(async () => {
  const [one, two] = [await echoServer(), await echoServer()];
  declared = `127.0.0.1:${one.port}`;
  writeFileSync(config, `persistent = "1h"\n[pool.${POOL}]\nlisten = ["127.0.0.1:0"]\ntargets = ["${declared}"]\n`);
  // One that may put targets as well, which the token that the balancer makes for itself may not.
  token = randomBytes(32).toString("hex");
  const tokenLine = `token name=boss right=act advertise=127.0.0.0/8 secret=${token}`;
  writeFileSync(join(folder, "key"), `${KEY}\n${tokenLine}\n`, { mode: 0o600 });
  const places = ["--key-file", join(folder, "key"), "--state", join(folder, "state.json"), "--api", "127.0.0.1:0"];
  balancer = await startBalancer(["--config", config, ...places, "--persistent", "1h"], {
    env: { HARMONY_KEY: undefined },
  });
  const line = await balancer.program.says(/the dashboard is at/);
  url = field(line, "dashboard") as string;
  await startReporter(balancer, two.port, ["--id", "web-1"]);
  await until("both targets", async () => {
    const { items } = (await get(`/v1/targets?pool=${POOL}`)).body;
    return items.length === 2 && items.every(({ state }: { state: string }) => state === "up");
  });
  description = (await get("/v1/openapi.json")).body as Description;
});

async function ask(method: string, path: string, body?: unknown, secret = token): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { authorization: `Bearer ${secret}` };
  const request = { method, headers, ...(body === undefined ? {} : { body: text }) };
  const response = await within(`${method} ${path}`, fetch(new URL(path, url), request));
  return { status: response.status, body: await response.json() };
}

function get(path: string): Promise<Answer> {
  return ask("GET", path);
}

async function connections(): Promise<Connection[]> {
  return (await get("/v1/connections?phase=relay")).body.items;
}

type Asked = [method: string, path: string, url: string, body?: unknown];

/** Each path with what it is asked, in an order in which all of it can be done. */
function asked(connection: string): Asked[] {
  const target = `/v1/pools/${POOL}/targets/web-1`;
  const aTarget = "/v1/pools/{pool}/targets/{id}";
  const reading = [
    "me",
    "status",
    "pools",
    "targets",
    "connections",
    "bindings",
    "listeners",
    "reporters",
    "keys",
    "group",
    "group/targets",
  ];
  return [
    ...reading.map((name): Asked => ["GET", `/v1/${name}`, `/v1/${name}`]),
    ["GET", "/v1/events", "/v1/events?after=1"],
    ["GET", "/v1/document", "/v1/document"],
    ["GET", "/v1/history/{pool}", `/v1/history/${POOL}`],
    ["GET", "/v1/pools/{pool}", `/v1/pools/${POOL}`],
    ["GET", "/v1/pools/{pool}/targets", `/v1/pools/${POOL}/targets`],
    ["GET", aTarget, target],
    ["POST", `${aTarget}/drain`, `${target}/drain`, { reason: "a new kernel" }],
    ["POST", `${aTarget}/maintain`, `${target}/maintain`],
    ["PUT", `${aTarget}/weight`, `${target}/weight`, { factor: 0.5 }],
    ["PUT", `${aTarget}/weight`, `${target}/weight`, { factor: null }],
    ["POST", `${aTarget}/ready`, `${target}/ready`],
    [
      "PUT",
      aTarget,
      `/v1/pools/${POOL}/targets/put-1`,
      { address: declared.replace("127.0.0.1", "127.0.0.2"), leaseMs: 5000 },
    ],
    ["DELETE", aTarget, `/v1/pools/${POOL}/targets/put-1`],
    ["POST", "/v1/reload", "/v1/reload"],
    ["POST", "/v1/compare", "/v1/compare", { file: config }],
    ["POST", "/v1/apply", "/v1/apply", readFileSync(config, "utf8").replace("1h", "2h")],
    ["PUT", "/v1/log-level", "/v1/log-level", { level: "debug" }],
    ["DELETE", "/v1/connections/{id}", `/v1/connections/${connection}`],
    ["POST", "/v1/connections/kill", "/v1/connections/kill", { client: "192.0.2.1" }],
  ];
}

describe("the API of a running balancer", () => {
  it("answers every route as it describes it", async () => {
    const { connection } = await openConnection(balancer.port);
    const [{ id } = assert.fail("no connection is shown")] = await connections();
    const code = (await ask("POST", "/v1/links")).body.url.split("#code=")[1];
    const all: Asked[] = [
      ...asked(id),
      ["POST", "/v1/links", "/v1/links"],
      ["POST", "/v1/session", "/v1/session", { code }],
    ];
    for (const [method, path, place, body] of all) {
      const answer = await ask(method, place, body);
      assert.equal(answer.status, 200, `${method} ${place}: ${JSON.stringify(answer.body)}`);
      const wrong = answerViolations(description, method, path, answer.status, answer.body);
      assert.deepEqual(wrong, [], `${method} ${place}`);
    }
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const missing = described.filter((each) => !all.some(([method, path]) => each === `${method} ${path}`));
    assert.deepEqual(missing, []);
    await connection.close();
  });

  it("shows a connection as it is, and its end by order resets it", async () => {
    const { connection, ask: say, next } = await openConnection(balancer.port);
    await say("hello");
    const [shown = assert.fail("no connection is shown"), ...others] = await connections();
    assert.deepEqual(others, []);
    const target = (await get(`/v1/targets`)).body.items.find(({ id }: { id: string }) => id === shown.target);
    assert.equal(target.active, 1);
    assert.equal(shown.pool, POOL);
    assert.ok(shown.ageMs >= 0);
    await until("the bytes", async () => (await connections())[0]?.bytesIn === 12);
    const [later] = await connections();
    assert.ok(
      later?.idleMs !== null && later?.connectMs !== null && later?.firstByteMs !== null,
      JSON.stringify(later),
    );
    assert.deepEqual((await ask("DELETE", `/v1/connections/${shown.id}`)).body, { killed: 1 });
    const end = within("its end", next());
    await (cutsWithReset ? assert.rejects(end) : end);
    await until("it to be gone", async () => (await connections()).length === 0);
    assert.equal((await ask("DELETE", `/v1/connections/${shown.id}`)).body.error.code, "NO_CONNECTION");
    await connection.close();
  });

  it("sends no new connections to a target that is to drain, and says whose order that is", async () => {
    const name = encodeURIComponent(declared);
    const { body } = await ask("POST", `/v1/pools/${POOL}/targets/${name}/drain`, { reason: "new disk" });
    assert.deepEqual(
      [body.state, body.order.state, body.order.by, body.order.reason],
      ["draining", "drain", "boss", "new disk"],
    );
    const before = body.connections;
    for (let n = 0; n < 6; n++) assert.equal(await exchange(balancer.port, "x\n"), "x\n");
    const path = `/v1/pools/${POOL}/targets/${name}`;
    assert.equal((await get(path)).body.connections, before);
    await ask("POST", "/v1/reload");
    assert.equal((await get(path)).body.state, "draining", "it outlasts a reload");
    assert.equal((await get("/v1/status")).body.orders, 1);
    assert.equal((await ask("POST", `${path}/ready`)).body.order, null);
    await until("it to be up again", async () => (await get(path)).body.state === "up");
  });

  it("tells of events as they happen, each once, and goes on where a reader was", async () => {
    const { items } = (await get("/v1/events")).body as { items: Event[] };
    const last = items.at(-1)!.id;
    const headers = { authorization: `Bearer ${token}`, "last-event-id": String(last) };
    const response = await fetch(new URL("/v1/events?follow", url), { headers });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    await ask("PUT", "/v1/log-level", { level: "warning" });
    while (!text.includes("logLevel")) text += (await within("an event", reader.read())).value ?? "";
    await ask("PUT", "/v1/log-level", { level: null });
    const [, first] = /^data: (.*)$/m.exec(text)!;
    const event = JSON.parse(first!) as Event;
    assert.deepEqual(
      [event.id, event.kind, event.text],
      [last + 1, "logLevel", "boss has ordered the log's level warning"],
    );
    await reader.cancel();
  });

  it("logs as much as is ordered, also after a reload, until that is taken back", async () => {
    const lines = () => balancer.program.stderr.split("\n").filter((each) => each.includes('"connection ')).length;
    await ask("PUT", "/v1/log-level", { level: "info" });
    await ask("POST", "/v1/reload");
    await balancer.program.says(/has ordered the log's level info/); // and so has all that was logged before
    const before = lines();
    await exchange(balancer.port, "x\n");
    await until("all that are over to be told of, or not", async () => {
      const { connections, durationMs } = (await get(`/v1/pools/${POOL}`)).body;
      return durationMs.count === connections;
    });
    const { body } = await ask("PUT", "/v1/log-level", { level: null });
    assert.deepEqual(body, { configured: "debug", ordered: null });
    await exchange(balancer.port, "x\n");
    await until("a line for the second connection", () => lines() > before);
    assert.equal(lines(), before + 1);
  });

  it("goes over to a document that it is given, and back at the next reload", async () => {
    const persistent = async () => (await get(`/v1/pools/${POOL}`)).body.options.idleTimeout;
    const before = await persistent();
    const text = readFileSync(config, "utf8").replace("listen =", `idle-timeout = "11m"\nlisten =`);
    const { body } = await ask("POST", "/v1/apply", text);
    assert.equal(body.steps.length, 1, JSON.stringify(body));
    assert.equal(await persistent(), 660_000);
    const wrong = await ask("POST", "/v1/apply", "algorithm = 1\n");
    assert.equal(wrong.status, 422);
    assert.match(wrong.body.error.message, /the given document:1:13/);
    assert.equal(await persistent(), 660_000);
    assert.equal((await ask("POST", "/v1/reload")).body.steps.length, 1);
    assert.equal(await persistent(), before);
  });

  it("lets a token of another right read, and no more", async () => {
    const read = readFileSync(join(folder, "token-read"), "utf8").trim();
    assert.deepEqual((await ask("GET", "/v1/me", undefined, read)).body, { name: "read", right: "read", pool: null });
    assert.equal((await ask("POST", "/v1/reload", undefined, read)).body.error.code, "FORBIDDEN");
    assert.equal((await ask("GET", "/v1/me", undefined, "x".repeat(43))).body.error.code, "UNAUTHORIZED");
  });
});
