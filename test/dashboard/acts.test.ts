/** What an operator does on the dashboard takes effect, and can be taken back or is asked about before. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { noBrowser } from "../support/browser.ts";
import { part, signIn } from "../support/dashboard.ts";
import { shownOnPage } from "../support/dashboard-tests.ts";
import { isLasting } from "../support/operated/connections.ts";
import type { FakeOperated } from "../support/operated.ts";
import { until } from "../support/wait.ts";

describe("acting on the dashboard", { skip: noBrowser }, () => {
  const shown = shownOnPage();
  let operated: FakeOperated;
  let page: Page;

  beforeEach(async () => {
    ({ operated, page } = shown);
    await signIn(page, "secret-act");
    await part(page, "Targets").waitFor();
  });

  const asked = (what: string) =>
    until(`the balancer to be asked for ${what}`, () => operated.asked.find(([name]) => name === what));
  const row = (id: string) =>
    page.getByRole("row").filter({ has: page.getByRole("button", { name: id, exact: true }) });
  const notice = (text: string | RegExp) => page.getByRole("log").getByText(text);

  it("drains a target by its button, shows that it is an order, and takes it back", async () => {
    await page.getByRole("button", { name: /^Drain web\/web-1/ }).click();
    assert.deepEqual(await asked("order"), ["order", "web", "web-1", { state: "drain" }, "act"]);
    await row("web-1").getByText("draining").waitFor();
    await row("web-1").getByText("ordered: drain").waitFor();
    await page.getByText("1 target under an operator's order").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await notice("web/web-1 is as it was before.").waitFor();
    await row("web-1").getByText("up", { exact: true }).waitFor();
    await page.getByText("1 target under an operator's order").waitFor({ state: "detached" });
  });

  it("undoes what it changed, to the order that there was before", async () => {
    await operated.order(
      "web",
      "web-1",
      { state: "maintain", reason: "new disk" },
      { name: "x", right: "act", pool: null },
    );
    await row("web-1").getByText("ordered: maintain").waitFor();
    await page.getByRole("button", { name: "Ready web/web-1" }).click();
    await row("web-1").getByText("ordered: maintain").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await row("web-1").getByText("ordered: maintain").waitFor();
    assert.equal((await operated.targets("web"))[0]!.order?.reason, "new disk");
  });

  it("orders with a reason, and a weight, from the details of a target", async () => {
    await page.getByRole("button", { name: "web-2", exact: true }).click();
    const details = page.getByRole("group", { name: "Details of web/web-2" });
    await details.getByLabel("Reason, shown with the order").fill("slow disk");
    await details.getByLabel("Weight times").fill("0.5");
    await details.getByRole("button", { name: "Set" }).click();
    assert.deepEqual(await asked("order"), ["order", "web", "web-2", { factor: 0.5, reason: "slow disk" }, "act"]);
    await row("web-2").getByText("ordered: weight × 0.5").waitFor();
    await details.getByText(/slow disk/).waitFor();
    await details.getByRole("button", { name: "Take back" }).click();
    await row("web-2")
      .getByText(/ordered/)
      .waitFor({ state: "detached" });
  });

  it("cuts connections only after a question, which can be left by keyboard", async () => {
    await page.getByRole("button", { name: "web-1", exact: true }).click();
    const cut = page.getByRole("button", { name: "Cut its connections" });
    await cut.click();
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(operated.asked.length, 0);
    assert.equal(await page.locator(":focus").innerText(), "Cut its connections", "the focus comes back");
    await cut.click();
    await dialog.getByRole("button", { name: "Cut", exact: true }).click();
    assert.deepEqual(await asked("kill"), ["kill", { target: "web/web-1" }]);
    await notice(/cut\.$/).waitFor();
  });

  it("cuts one connection, and all of a client", async () => {
    await page.getByRole("link", { name: "Connections" }).click();
    const table = page.getByRole("table", { name: "Open connections" });
    await table
      .getByRole("button", { name: /^Cut the connection of/ })
      .first()
      .click();
    await page.getByRole("dialog").getByRole("button", { name: "Cut", exact: true }).click();
    const [, { id }] = (await asked("kill")) as [string, { id: string }];
    assert.ok(id);
    operated.asked.length = 0;
    const { items } = await operated.connections({}, "age", true, { offset: 0, limit: 1000 });
    const client = items.find(isLasting)!.client.replace(/:\d+$/, "");
    await page.getByLabel("Client, or a range").fill(client);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Cut these" }).click();
    await page.getByRole("dialog").getByText(`client ${client}`).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cut", exact: true }).click();
    assert.deepEqual(await asked("kill"), ["kill", { client }]);
  });

  it("shows what a reload would change before it does", async () => {
    await page.getByRole("link", { name: "System" }).click();
    await page.getByRole("button", { name: "Reload …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("pool web: algorithm is leastconn").waitFor();
    assert.deepEqual(operated.asked, [["compare", null]]);
    await dialog.getByRole("button", { name: "Reload" }).click();
    await asked("reload");
    await notice("Reloaded: 1 change.").waitFor();
  });

  it("orders a log level, and undoes that", async () => {
    await page.getByRole("link", { name: "System" }).click();
    await page.getByLabel("Log level").selectOption("debug");
    await notice("The log tells debug and above.").waitFor();
    assert.equal((await operated.status()).logLevel.ordered, "debug");
    await page.getByRole("button", { name: "Undo" }).click();
    await until("the order to be taken back", async () => (await operated.status()).logLevel.ordered === null);
  });

  it("says why something was refused", async () => {
    await operated.deleteTarget("web", "web-1", { name: "x", right: "act", pool: null });
    await page.getByRole("button", { name: /^Drain web\/web-1/ }).click({ timeout: 1500 });
    await notice(/there is no target web\/web-1/).waitFor();
  });
});
