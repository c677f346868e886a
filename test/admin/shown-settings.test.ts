/** The settings as the API shows them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shownSettings } from "../../src/admin/shown-settings.ts";
import { serverSettings } from "../../src/config/library.ts";

const SECRET = "a-key-that-only-these-tests-use";

describe("the settings, shown", () => {
  it("are JSON, with bytes as text, and without their secrets", () => {
    const settings = serverSettings({ key: SECRET, unavailable: "busy", pools: { db: { listen: 5432 } } });
    const text = JSON.stringify(shownSettings(settings));
    const { key, pools, listeners } = JSON.parse(text);
    assert.equal(text.includes(SECRET), false);
    assert.equal(key, "***");
    assert.equal(pools.db.unavailable, "busy");
    assert.equal(listeners.db.listen[0].port, 5432);
  });
});
