/** What stands in the dashboard's address. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectionQuery } from "../../src/admin/dashboard/page/connection-query.ts";
import { hashOf, routeOf, VIEWS } from "../../src/admin/dashboard/page/route.ts";
import fc from "../support/draws.ts";

describe("the dashboard's address", () => {
  it("says again what was written into it", () => {
    const query = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ minLength: 1 }));
    fc.assert(
      fc.property(fc.constantFrom(...VIEWS), query, (view, wanted) => {
        const route = routeOf(hashOf(view, wanted));
        assert.equal(route.view, view);
        assert.deepEqual({ ...route.query }, { ...wanted });
      }),
    );
  });

  it("is the beginning where it is anything else", () => {
    fc.assert(fc.property(fc.string(), (text) => assert.ok(VIEWS.includes(routeOf(`#${text}`).view))));
    assert.deepEqual(routeOf("#/nowhere"), { view: "pools", query: {} });
  });

  it("becomes a question to the API, of nothing that the API does not know", () => {
    const query = connectionQuery({ pool: "web", client: "", sort: "bytes", order: "asc", offset: "100", other: "x" });
    assert.deepEqual(query, { pool: "web", sort: "bytes", order: "asc", offset: 100 });
    assert.deepEqual(connectionQuery({ offset: "x" }), { sort: "age", order: "desc", offset: 0 });
  });
});
