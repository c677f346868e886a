/** How a page is signed in by a link, asked as the server asks it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GuessLimit } from "../../../src/admin/access/guess-limit.ts";
import { signInApp } from "../../../src/admin/access/sign-in-app.ts";
import type { Asker } from "../../../src/admin/face.ts";
import type { Token } from "../../../src/control/keys/token.ts";
import { ManualClock } from "../../support/clock.ts";

const TOKEN: Token = { name: "grafana", right: "read", pool: null, limits: {}, secret: "a-secret-of-grafana" };
const URL_OF_PORT = "http://127.0.0.1:1667/";

const app = signInApp({
  tokens: {
    named: (name) => [TOKEN].find((each) => each.name === name),
    signIn: () => ({ token: "x", until: 0 }),
    all: () => [TOKEN],
  },
  guesses: new GuessLimit(new ManualClock()),
  places: () => ({ sockets: [], urls: [URL_OF_PORT], metrics: [] }),
});

async function link(asker: Asker, path = "v1/links"): Promise<Response> {
  return app.fetch(new Request(URL_OF_PORT + path, { method: "POST" }), { asker, address: "10.0.0.9" });
}

describe("a link that signs a page in", () => {
  const asker = { name: "grafana", right: "read", pool: null } as const;

  it("is made for the token itself", async () => {
    const { url } = (await (await link(asker)).json()) as { url: string };
    assert.match(url, /^http:\/\/127\.0\.0\.1:1667\/#code=[\w-]{32}$/);
  });

  it("is not made for a page, which would stay signed in for longer than it may", async () => {
    for (const path of ["v1/links", "v1/link%73"])
      assert.equal((await link({ ...asker, isPage: true }, path)).status, 403, path);
  });
});
