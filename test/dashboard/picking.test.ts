/** What an operator picks out and sorts by on the dashboard. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { HarmonyError } from "../../src/util/errors.ts";
import { noBrowser } from "../support/browser.ts";
import { part, signIn } from "../support/dashboard.ts";
import { shownOnPage } from "../support/dashboard-tests.ts";
import type { FakeOperated } from "../support/operated.ts";

/** More than the page draws at first. */
const MANY = 250;

describe("picking out on the dashboard", { skip: noBrowser }, () => {
  const shown = shownOnPage();
  let operated: FakeOperated;
  let page: Page;

  beforeEach(() => {
    ({ operated, page } = shown);
  });

  it("sorts all targets, and draws the first of them", async () => {
    const [base] = await operated.targets("web");
    const all = Array.from({ length: MANY }, (_, n) => ({ ...base!, id: `web/t-${n}`, failures: n }));
    operated.targets = () => Promise.resolve(all);
    await signIn(page, "secret-act");
    const targets = part(page, "Targets");
    await targets.getByRole("button", { name: "Failures" }).click();
    const last = `t-${MANY - 1}`;
    await targets.getByRole("button", { name: last, exact: true }).waitFor();
    assert.match(await targets.getByRole("row").nth(1).innerText(), new RegExp(`^${last}\\b`));
    assert.equal(await targets.getByRole("row").count(), 1 + 100);
  });

  it("says what is wrong with a filter, and that the balancer is still there", async () => {
    const { connections } = operated;
    operated.connections = (filter, ...rest) =>
      filter.client === "nobody"
        ? Promise.reject(new HarmonyError("BAD_REQUEST", "client: that is no address", { fault: "client" }))
        : connections.call(operated, filter, ...rest);
    await signIn(page, "secret-act");
    await page.getByRole("link", { name: "Connections" }).click();
    const client = page.getByLabel("Client, or a range");
    await client.fill("nobody");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("client: that is no address").waitFor();
    assert.equal(await page.getByRole("status").innerText(), "live");
    await client.fill("");
    await page.keyboard.press("Enter");
    await page.getByRole("table", { name: "Open connections" }).waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
  });
});
