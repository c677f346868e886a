/** The doors of the API: who is let in, by the head of a request alone. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GuessLimit } from "../../../src/admin/access/guess-limit.ts";
import { metricsSite, portSite, socketSite, type Visit } from "../../../src/admin/access/sites.ts";
import { type Head, parseHead } from "../../../src/admin/http/head.ts";
import type { Admitted, Site } from "../../../src/admin/http/site.ts";
import type { Token } from "../../../src/control/keys/token.ts";
import { ManualClock } from "../../support/clock.ts";

const answer = () => new Response();
const peer = { host: "10.0.0.9" };
const TOKENS: readonly Token[] = [
  { name: "grafana", right: "read", pool: null, limits: {}, secret: "a-secret-of-grafana" },
  { name: "deploy", right: "act", pool: "web", limits: {}, secret: "a-secret-of-deploy" },
];
const PAGE = "session~grafana~1~x";
const tokens = {
  find: (secret: string) =>
    TOKENS.find((token) => token.secret === secret || (secret === PAGE && token.name === "grafana")),
};

function port(clock = new ManualClock()): Site<Visit> {
  return portSite({ tokens, guesses: new GuessLimit(clock), names: ["lb.example"] }, answer);
}

function head(method: string, path: string, fields: Readonly<Record<string, string>> = {}): Head {
  const lines = Object.entries({ host: "127.0.0.1:1667", ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  return parseHead(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
}

/** The status with which it is refused, or who asks. */
function judged(
  site: Site<Visit>,
  method: string,
  path: string,
  fields: Readonly<Record<string, string>> = {},
  from = peer,
) {
  const asked = head(method, path, fields);
  const url = new URL(`http://${asked.fields.get("host")}${asked.target}`);
  const found = site.admit(asked, url, from);
  if ("response" in found) return found.response.status;
  const { asker } = (found as Admitted<Visit>).asker;
  return asker && { name: asker.name, right: asker.right, pool: asker.pool };
}

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const reader = { name: "grafana", right: "read", pool: null };
const actor = { name: "deploy", right: "act", pool: "web" };

describe("a port of the API", () => {
  it("takes a token, and knows its right and its pool", () => {
    assert.deepEqual(judged(port(), "GET", "/v1/status", bearer("a-secret-of-grafana")), reader);
    assert.deepEqual(judged(port(), "POST", "/v1/reload", bearer("a-secret-of-deploy")), actor);
    assert.deepEqual(judged(port(), "GET", "/metrics", { authorization: "bearer a-secret-of-grafana" }), reader);
  });

  it("tells a page that is signed in from the token itself", () => {
    const isPage = (secret: string) => {
      const found = port().admit(
        head("POST", "/v1/links", bearer(secret)),
        new URL("http://127.0.0.1:1667/v1/links"),
        peer,
      );
      return (found as Admitted<Visit>).asker.asker!.isPage;
    };
    assert.deepEqual([PAGE, "a-secret-of-grafana"].map(isPage), [true, false]);
  });

  it("refuses everything without one but the page, what probes ask, and signing in", () => {
    for (const path of ["/v1/status", "/metrics", "/v1/links", "/nothing", "/V1/session", "//", "/livez/"])
      assert.equal(judged(port(), "GET", path), 401, path);
    for (const path of ["/", "/livez", "/readyz"]) assert.equal(judged(port(), "GET", path), null, path);
    assert.equal(judged(port(), "POST", "/v1/session"), null);
    for (const [method, path] of [
      ["POST", "/"],
      ["DELETE", "/livez"],
      ["GET", "/v1/session"],
    ] as const)
      assert.equal(judged(port(), method, path), 401, `${method} ${path}`);
  });

  it("refuses what is no token, however it is written", () => {
    for (const authorization of [
      "Bearer",
      "Bearer ",
      "Bearer wrong",
      "Basic YTpi",
      "a-secret-of-grafana",
      "Bearer a b",
      "",
    ])
      assert.equal(judged(port(), "GET", "/v1/status", { authorization }), 401, authorization);
  });

  it("looks at no token for a while from where wrong ones came too often, and at others' all the time", () => {
    const clock = new ManualClock();
    const site = port(clock);
    const guess = (from = peer) => judged(site, "GET", "/v1/status", bearer("wrong"), from);
    for (let n = 0; n < 20; n++) assert.equal(guess(), 401);
    assert.equal(guess(), 429);
    assert.equal(judged(site, "GET", "/v1/status", bearer("a-secret-of-grafana")), 429);
    const other = { ...peer, host: "10.0.0.10" };
    assert.deepEqual(judged(site, "GET", "/v1/status", bearer("a-secret-of-grafana"), other), reader);
    clock.advance(1_000);
    assert.deepEqual(judged(site, "GET", "/v1/status", bearer("a-secret-of-grafana")), reader);
    assert.equal(guess(), 401);
    assert.equal(guess(), 429);
    clock.advance(20_000);
    for (let n = 0; n < 20; n++) assert.equal(guess(), 401);
  });

  it("counts a network of IPv6 as one address", () => {
    const site = port();
    for (let n = 0; n < 20; n++)
      judged(site, "GET", "/v1/status", bearer("wrong"), { ...peer, host: `2001:db8::${n + 1}` });
    assert.equal(judged(site, "GET", "/v1/status", bearer("wrong"), { ...peer, host: "2001:db8::ff" }), 429);
  });

  it("answers to addresses, localhost and its own names alone, so that no web site reaches it by a name of its own", () => {
    const by = (host: string) => judged(port(), "GET", "/v1/status", { host, ...bearer("a-secret-of-grafana") });
    for (const host of ["127.0.0.1:1667", "localhost", "[::1]:1667", "10.0.0.1", "192.168.1.1:80", "LB.example:1667"])
      assert.deepEqual(by(host), reader, host);
    for (const host of [
      "evil.example",
      "localhost.evil.example",
      "lb.example.evil.example",
      "127.0.0.1.evil.example",
      "xlb.example",
    ])
      assert.equal(by(host), 421, host);
    assert.equal(judged(port(), "GET", "/", { host: "evil.example" }), 421);
    assert.equal(judged(port(), "GET", "/livez", { host: "pod-7.example" }), null);
  });

  it("refuses what another web site has a browser ask, token or not", () => {
    const asked = (fields: Record<string, string>) =>
      judged(port(), "POST", "/v1/reload", { ...bearer("a-secret-of-deploy"), ...fields });
    assert.deepEqual(asked({ origin: "http://127.0.0.1:1667", "sec-fetch-site": "same-origin" }), actor);
    for (const origin of [
      "http://127.0.0.1:8080",
      "https://evil.example",
      "null",
      "file://",
      "http://127.0.0.1:1667.evil.example",
      "http://localhost:1667",
    ])
      assert.equal(asked({ origin }), 403, origin);
    for (const site of ["cross-site", "same-site"]) assert.equal(asked({ "sec-fetch-site": site }), 403, site);
    assert.equal(judged(port(), "POST", "/v1/session", { origin: "https://evil.example" }), 403);
  });

  it("takes the same origin behind a server that speaks TLS for it", () => {
    const fields = { host: "lb.example", origin: "https://lb.example", ...bearer("a-secret-of-deploy") };
    assert.deepEqual(judged(port(), "POST", "/v1/reload", fields), actor);
    const other = { ...fields, host: "lb.example:8443", origin: "https://lb.example:8443" };
    assert.deepEqual(judged(port(), "POST", "/v1/reload", other), actor);
  });

  it("is opened by a link on another site, and only the page", () => {
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    assert.equal(judged(port(), "GET", "/", link), null);
    assert.equal(judged(port(), "GET", "/v1/status", { ...link, ...bearer("a-secret-of-grafana") }), 403);
    assert.equal(judged(port(), "GET", "/", { ...link, "sec-fetch-dest": "iframe" }), 403);
  });
});

describe("the API's socket", () => {
  it("lets whoever opens it do all, but no web site through a server in front of it", () => {
    const site = socketSite(answer);
    const all = { name: "socket", right: "act", pool: null };
    assert.deepEqual(judged(site, "POST", "/v1/reload", { host: "anything" }), all);
    assert.equal(judged(site, "POST", "/v1/reload", { origin: "https://evil.example" }), 403);
  });
});

describe("the port for metrics", () => {
  it("tells to all who ask, and does nothing", () => {
    const site = metricsSite(answer);
    for (const path of ["/metrics", "/livez", "/readyz"]) {
      assert.deepEqual(judged(site, "GET", path, { host: "pod.example" }), {
        name: "metrics",
        right: "read",
        pool: null,
      });
      assert.equal(judged(site, "POST", path), 403);
    }
    for (const path of ["/", "/v1/status", "/metrics/", "/v1/session"])
      assert.equal(judged(site, "GET", path), 403, path);
    assert.equal(judged(site, "DELETE", "/v1/pools/web/targets/a", bearer("a-secret-of-deploy")), 403);
  });
});
