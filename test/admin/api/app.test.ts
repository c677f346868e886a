/** The API without its server: rights, what comes with a request, and what is answered, held against its own description. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { apiApp } from "../../../src/admin/api/app.ts";
import { ROUTES } from "../../../src/admin/api/routes.ts";
import type { Answering } from "../../../src/admin/api/schemas/group.ts";
import type { Asker } from "../../../src/admin/face.ts";
import { isLasting } from "../../support/operated/connections.ts";
import { fakeGroup } from "../../support/operated/group.ts";
import { FakeOperated } from "../../support/operated.ts";
import { answerViolations, type Description } from "./description.ts";

const ACT: Asker = { name: "boss", right: "act", pool: null };
const READ: Asker = { name: "viewer", right: "read", pool: null };
const WEB: Asker = { name: "web-only", right: "act", pool: "web" };

let operated = new FakeOperated();
let app = apiApp(operated);
beforeEach(() => {
  operated = new FakeOperated();
  app = apiApp(operated);
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what it is, the test says.
  readonly body: any;
}

async function ask(method: string, path: string, body: unknown = undefined, asker: Asker = ACT): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const request = new Request(`http://x${path}`, { method, ...(body === undefined ? {} : { body: text }) });
  const response = await app.fetch(request, { asker, address: "" });
  assert.match(response.headers.get("content-type") ?? "", /json/);
  return { status: response.status, body: await response.json() };
}

async function refusal(method: string, path: string, body?: unknown, asker?: Asker): Promise<string> {
  const answer = await ask(method, path, body, asker);
  assert.ok(answer.status >= 400, `${method} ${path} was answered`);
  assert.deepEqual(await problems("get", "/v1/me", answer), []);
  return `${answer.status} ${answer.body.error.code}: ${answer.body.error.message}`;
}

async function problems(method: string, path: string, { status, body }: Answer): Promise<string[]> {
  const description = (await ask("GET", "/v1/openapi.json")).body as Description;
  return answerViolations(description, method, path, status, body);
}

/** For each route: where it is asked, and with what. */
const ASKED: Readonly<Record<string, readonly [path: string, body?: unknown]>> = {
  "GET /v1/pools/{pool}": ["/v1/pools/web"],
  "GET /v1/pools/{pool}/targets": ["/v1/pools/web/targets"],
  "GET /v1/pools/{pool}/targets/{id}": ["/v1/pools/web/targets/web-1"],
  "GET /v1/history/{pool}": ["/v1/history/db"],
  "POST /v1/pools/{pool}/targets/{id}/drain": ["/v1/pools/web/targets/web-1/drain", { reason: "new kernel" }],
  "POST /v1/pools/{pool}/targets/{id}/maintain": ["/v1/pools/web/targets/web-1/maintain"],
  "POST /v1/pools/{pool}/targets/{id}/ready": ["/v1/pools/web/targets/web-1/ready"],
  "PUT /v1/pools/{pool}/targets/{id}/weight": ["/v1/pools/web/targets/web-1/weight", { factor: 0.5 }],
  "PUT /v1/pools/{pool}/targets/{id}": ["/v1/pools/web/targets/new", { address: "10.0.0.9:80", leaseMs: 10_000 }],
  "DELETE /v1/pools/{pool}/targets/{id}": ["/v1/pools/web/targets/web-1"],
  "POST /v1/connections/kill": ["/v1/connections/kill", { target: "web/web-1" }],
  "POST /v1/apply": ["/v1/apply", `algorithm = "random"`],
  "PUT /v1/log-level": ["/v1/log-level", { level: "debug" }],
};

describe("the API", () => {
  for (const { method, path } of ROUTES) {
    it(`answers ${method} ${path} as it is described`, async () => {
      const first = (await operated.connections({}, "age", true, { offset: 0, limit: 1000 })).items.find(isLasting)!.id;
      const [url, body] = ASKED[`${method} ${path}`] ?? [path.replace("{id}", first)];
      const answer = await ask(method, url, body);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.deepEqual(await problems(method, path, answer), []);
    });

    it(`judges ${method} ${path} by rights`, async () => {
      const { right } = ROUTES.find((each) => each.method === method && each.path === path)!;
      const [url, body] = ASKED[`${method} ${path}`] ?? [path];
      const answer = await ask(method, url, body, READ);
      assert.equal(answer.status === 403, right === "act");
      assert.equal(right === "act", method !== "GET");
    });
  }

  it("says what there is to whoever asks for something else", async () => {
    assert.match(
      await refusal("GET", "/v1/else"),
      /^404 NO_ROUTE: there is no \/v1\/else: \/v1\/openapi.json describes/,
    );
    assert.match(await refusal("GET", "/v1/reload"), /^405 BAD_METHOD: \/v1\/reload takes POST/);
    assert.match(await refusal("POST", "/v1/pools/web/targets/web-1"), /^405.*takes GET, PUT, DELETE/);
    assert.match(await refusal("GET", "/v1/pools/nowhere"), /^404 NO_POOL: there is no pool nowhere/);
    assert.match(await refusal("GET", "/v1/pools/web/targets/nobody"), /^404 NO_TARGET/);
    assert.match(await refusal("POST", "/v1/pools/web/targets/nobody/drain"), /^404 NO_TARGET/);
    assert.match(await refusal("DELETE", "/v1/connections/nothing"), /^404 NO_CONNECTION/);
  });

  it("names what is wrong with parameters and bodies, all of it, and does nothing", async () => {
    for (const [method, path, body, says] of [
      ["GET", "/v1/connections?limt=3", undefined, /^400 .*no parameter "limt": there are pool, target/],
      ["GET", "/v1/connections?limit=3&limit=4", undefined, /"limit" is given twice/],
      ["GET", "/v1/connections?limit=many", undefined, /"limit" is to be a number/],
      ["GET", "/v1/connections?limit=1001", undefined, /"limit" is too large: up to 1000/],
      ["GET", "/v1/connections?limit=", undefined, /"limit" is to be/],
      ["GET", "/v1/connections?limit=0x10", undefined, /"limit" is to be/],
      ["GET", "/v1/connections?offset=-1", undefined, /"offset" is too small: 0 or more/],
      ["GET", "/v1/connections?offset=10001", undefined, /"offset" is too large: up to 10000/],
      ["GET", "/v1/connections?sort=size", undefined, /"sort" is to be one of age, idle, bytes/],
      ["GET", "/v1/connections?__proto__=1", undefined, /no parameter "__proto__"/],
      ["GET", "/v1/status?pretty", undefined, /no parameter "pretty": it takes none/],
      ["GET", "/v1/events?follow=perhaps", undefined, /"follow" is to be true or false/],
      ["POST", "/v1/reload", { file: "x" }, /no field "file": it takes none/],
      ["POST", "/v1/pools/web/targets/web-1/drain", "{", /not JSON/],
      ["POST", "/v1/pools/web/targets/web-1/drain", "[]", /the body is to be an object/],
      ["POST", "/v1/pools/web/targets/web-1/drain", "null", /the body is to be an object/],
      ["POST", "/v1/pools/web/targets/web-1/drain", `{"__proto__": 1}`, /no field "__proto__"/],
      ["POST", "/v1/pools/web/targets/web-1/drain", { reason: "x".repeat(201) }, /"reason" is too long: up to 200/],
      ["PUT", "/v1/pools/web/targets/web-1/weight", {}, /field "factor" is missing/],
      ["PUT", "/v1/pools/web/targets/web-1/weight", { factor: 101 }, /"factor" is too large: up to 100/],
      [
        "PUT",
        "/v1/pools/web/targets/n",
        { weight: 1.5, hots: 1 },
        /4 problems: .*"address" is missing.*"leaseMs" is m.*"weight" is to be a whole.*"hots"/,
      ],
      ["POST", "/v1/connections/kill", {}, /say which: one of id, target, client, pool at least/],
      ["POST", "/v1/compare", { file: "" }, /"file" is too short/],
      ["PUT", "/v1/log-level", { level: "LOUD" }, /no log level/],
    ] as const) {
      assert.match(await refusal(method, path, body), says, `${method} ${path}`);
    }
    assert.deepEqual(
      operated.asked.filter(([name]) => name !== "setLogLevel"),
      [],
    );
  });

  it("takes a name that is encoded, in paths", async () => {
    const name = encodeURIComponent("unix:/run/mq.sock");
    assert.equal((await ask("GET", `/v1/pools/mqtt/targets/${name}`)).body.id, "mqtt/unix:/run/mq.sock");
    await ask("PUT", "/v1/pools/web/targets/100%25%2Fa%3Fb", { address: "10.0.0.9:80", leaseMs: 10_000 });
    assert.equal(operated.asked.at(-1)![2], "100%/a?b");
  });

  it("carries out what is asked, in the name of who asks", async () => {
    await ask("POST", "/v1/pools/web/targets/web-1/maintain", { reason: "disk" });
    await ask("POST", "/v1/pools/web/targets/web-1/ready");
    await ask("PUT", "/v1/pools/web/targets/web-1/weight", { factor: null });
    await ask("POST", "/v1/compare", { file: "/etc/other.toml" });
    await ask("POST", "/v1/compare");
    await ask("POST", "/v1/apply", `a = "b"`);
    assert.deepEqual(operated.asked, [
      ["order", "web", "web-1", { reason: "disk", state: "maintain" }, "boss"],
      ["order", "web", "web-1", { state: null }, "boss"],
      ["order", "web", "web-1", { factor: null }, "boss"],
      ["compare", "/etc/other.toml"],
      ["compare", null],
      ["apply", `a = "b"`],
    ]);
  });

  it("says whose fault it is when a document is not taken", async () => {
    const { status, body } = await ask("POST", "/v1/apply", "wrong");
    assert.equal(status, 422);
    assert.deepEqual(body.error, {
      code: "BAD_OPTIONS",
      message: "algorithm: there is no wrong",
      fault: "config",
      retry: false,
    });
  });

  it("shows the group where there is one, and says null where there is none", async () => {
    assert.deepEqual(await ask("GET", "/v1/group"), { status: 200, body: null });
    assert.equal((await ask("GET", "/v1/status")).body.group, null);
    operated.inGroup = { ...fakeGroup(Date.now()), state: "lost", reason: "it does not answer" };
    for (const path of ["/v1/group", "/v1/status"]) {
      const answer = await ask("GET", path);
      assert.deepEqual(await problems("GET", path, answer), []);
      const { state, reason } = path === "/v1/group" ? answer.body : answer.body.group;
      assert.deepEqual([state, reason], ["lost", "it does not answer"]);
    }
  });

  it("shows targets of the group once, with what each balancer has, a page at a time, and null where there is none", async () => {
    assert.deepEqual(await ask("GET", "/v1/group/targets"), { status: 200, body: null });
    operated.inGroup = fakeGroup(Date.now());
    const answer = await ask("GET", "/v1/group/targets?pool=web&limit=3");
    assert.deepEqual(await problems("GET", "/v1/group/targets", answer), []);
    const { balancers, items, total, next } = answer.body;
    assert.deepEqual([items.length, total, next], [3, 4, 3]);
    assert.deepEqual(
      balancers.map(({ name, state, ageMs }: Answering) => [name, state, ageMs]),
      [
        ["lb-1:1666", "answered", 0],
        ["lb-2:1666", "answered", 300],
        ["lb-3:1666", "silent", null],
      ],
    );
    const [{ active, isWhole, shares }] = items;
    assert.deepEqual([active, isWhole], [shares[0].active + shares[1].active, false]);
    assert.deepEqual([shares[1].active, shares[2].active], [shares[0].active + 3, null]);
    const one = (await ask("GET", "/v1/group/targets?target=web/web-2")).body;
    assert.deepEqual([one.items.length, one.items[0].id, one.next], [1, "web/web-2", null]);
    assert.match(await refusal("GET", "/v1/group/targets?pool=nope"), /^404 NO_POOL/);
    assert.match(await refusal("GET", "/v1/group/targets?limit=1001"), /^400 BAD_REQUEST/);
  });

  it("answers a fault of its own as such", async () => {
    operated.status = () => Promise.reject(new TypeError("oops"));
    assert.match(await refusal("GET", "/v1/status"), /^500 INTERNAL: a fault in the balancer itself: oops/);
  });
});

describe("a token for one pool", () => {
  it("sees that pool alone", async () => {
    const get = async (path: string) => (await ask("GET", path, undefined, WEB)).body;
    const others = /db\/|mqtt|"db"|10\.0\.0\.5/;
    for (const path of ["pools", "targets", "connections", "bindings", "listeners", "reporters", "events", "me"]) {
      const text = JSON.stringify(await get(`/v1/${path}`));
      assert.match(text, /web/, path);
      assert.doesNotMatch(text, others, path);
    }
    const status = await get("/v1/status");
    const pool = await get("/v1/pools/web");
    assert.deepEqual([status.pools, status.targets, status.connections.total], [1, pool.targets, pool.connections]);
  });

  it("finds no other pool, and acts on none", async () => {
    for (const [method, path, body] of [
      ["GET", "/v1/pools/db"],
      ["GET", "/v1/pools/db/targets"],
      ["GET", "/v1/targets?pool=db"],
      ["GET", "/v1/connections?pool=db"],
      ["GET", "/v1/bindings?pool=db"],
      ["GET", "/v1/history/db"],
      ["POST", "/v1/pools/db/targets/10.0.0.5:5432/drain"],
      ["PUT", "/v1/pools/db/targets/10.0.0.5:5432/weight", { factor: 0 }],
      ["PUT", "/v1/pools/db/targets/x", { address: "10.0.0.9:80", leaseMs: 10_000 }],
      ["DELETE", "/v1/pools/db/targets/10.0.0.5:5432"],
      ["POST", "/v1/connections/kill", { pool: "db" }],
    ] as const) {
      assert.match(await refusal(method, path, body, WEB), /^404 NO_POOL/, path);
    }
    assert.deepEqual(operated.asked, []);
    await ask("POST", "/v1/connections/kill", { client: "198.51.100.1" }, WEB);
    assert.deepEqual(operated.asked, [["kill", { client: "198.51.100.1", pool: "web" }]]);
  });

  it("is refused what is about all of them", async () => {
    for (const [method, path, body] of [
      ["GET", "/v1/keys"],
      ["GET", "/v1/group"],
      ["GET", "/v1/group/targets"],
      ["GET", "/v1/document"],
      ["POST", "/v1/reload"],
      ["POST", "/v1/compare"],
      ["POST", "/v1/apply", "a = 1"],
      ["PUT", "/v1/log-level", { level: "debug" }],
    ] as const) {
      assert.match(await refusal(method, path, body, WEB), /^403 FORBIDDEN: token "web-only" is for pool web alone/);
    }
    assert.deepEqual(operated.asked, []);
  });
});
