/** The dashboard follows its balancer, for as long as anybody looks. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { noBrowser } from "../support/browser.ts";
import { part, serveDashboard, signIn } from "../support/dashboard.ts";
import { shownOnPage } from "../support/dashboard-tests.ts";
import { FakeOperated } from "../support/operated.ts";
import { standstill, until } from "../support/wait.ts";

describe("a dashboard that stays open", { skip: noBrowser }, () => {
  const shown = shownOnPage();
  let operated: FakeOperated;
  let page: Page;

  beforeEach(async () => {
    ({ operated, page } = shown);
    await signIn(page, "secret-act");
    await part(page, "Targets").waitFor();
  });

  it("shows an event as it happens, once", async () => {
    await until("it to follow the events", () => operated.followers > 0);
    operated.tell("targetUp", "info", "target web/new is up", "web", "web/new");
    const told = part(page, "Recent events").getByText("target web/new is up");
    await told.waitFor();
    assert.equal(await told.count(), 1);
  });

  it("says that it has lost the balancer, comes back by itself, and misses nothing", async () => {
    await until("it to follow the events", () => operated.followers > 0);
    const port = Number(new URL(shown.server.url).port);
    await shown.server.close();
    await page
      .getByRole("alert")
      .getByText(/The balancer gives no answer since/)
      .waitFor();
    await page.getByRole("status").getByText("no answer").waitFor();
    assert.match(await page.title(), /^\(no answer\)/);
    operated.tell("targetUp", "info", "target web/meanwhile is up");
    shown.server = await serveDashboard(operated, port);
    await page.getByRole("status").getByText("live").waitFor();
    await page.getByRole("alert").waitFor({ state: "detached" });
    const told = part(page, "Recent events").getByText("target web/meanwhile is up");
    await told.waitFor();
    assert.equal(await told.count(), 1);
  });

  it("begins anew with a balancer that was started again", async () => {
    operated.tell("targetUp", "info", "target web/former is up");
    const former = part(page, "Recent events").getByText("target web/former is up");
    await former.waitFor();
    const port = Number(new URL(shown.server.url).port);
    await shown.server.close();
    await page.getByRole("alert").waitFor();
    operated = new FakeOperated();
    shown.server = await serveDashboard(operated, port);
    await page.getByText("The balancer has been started again.").waitFor();
    await former.waitFor({ state: "detached" });
    operated.tell("targetUp", "info", "target web/latter is up");
    await part(page, "Recent events").getByText("target web/latter is up").waitFor();
  });

  it("asks nothing while nobody looks, and at once when somebody does", async () => {
    const look = (hidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
         document.dispatchEvent(new Event("visibilitychange"))`,
      );
    await look(true);
    // Longer than from one round to the next.
    await standstill("its requests", () => shown.opened.requests.length, 5000);
    const before = shown.opened.requests.length;
    await look(false);
    await until("it to ask again", () => shown.opened.requests.length > before);
  });

  it("keeps as many events as the balancer, and draws a part of them", async () => {
    for (let n = 0; n < 2500; n++) operated.tell("targetUp", "info", `target ${n} is up`);
    await part(page, "Recent events").getByText("target 2499 is up").waitFor();
    await page.getByRole("link", { name: "Events", exact: true }).click();
    await page.getByText("the last 1,000").waitFor();
    assert.equal(
      await page
        .getByRole("listitem")
        .filter({ hasText: /^.*is up$/ })
        .count(),
      200,
    );
    await page.getByRole("searchbox", { name: "Find" }).fill("target 1600 ");
    await page.getByText("target 1600 is up").waitFor();
  });

  it("moves nothing while numbers change, and leaves the focus where it is", async () => {
    const places = () =>
      page.evaluate(`[...document.querySelectorAll("th, tr, section, h2, .tile, .plot")]
        .map((each) => { const { x, y, width, height } = each.getBoundingClientRect(); return [x, y, width, height].join() }).join(" ")`);
    const drain = page.getByRole("button", { name: /^Drain web\/web-2/ });
    await drain.focus();
    const numbers = () => part(page, "Targets").innerText();
    const [before, former] = [await places(), await numbers()];
    await until("its numbers to change", async () => (await numbers()) !== former);
    assert.equal(await places(), before);
    assert.match((await page.locator(":focus").getAttribute("aria-label"))!, /^Drain web\/web-2/);
  });

  it("leaves what is being typed alone", async () => {
    await page.getByRole("button", { name: "web-2", exact: true }).click();
    const reason = page.getByLabel("Reason, shown with the order");
    await reason.pressSequentially("half a sen");
    const former = await part(page, "Targets").innerText();
    await until("its numbers to change", async () => (await part(page, "Targets").innerText()) !== former);
    await page.keyboard.type("tence");
    assert.equal(await reason.inputValue(), "half a sentence");
  });

  it("has the connections picked out, sorted and turned over by the balancer, and its address says how", async () => {
    await part(page, "Targets").getByRole("button", { name: "web-1", exact: true }).click();
    await page.getByRole("link", { name: /open$/ }).click();
    const table = page.getByRole("table", { name: "Open connections" });
    await table.waitFor();
    const targets = await table.locator("tbody td:nth-child(2)").allInnerTexts();
    assert.deepEqual([...new Set(targets)], ["web/web-1"]);
    await table.getByRole("button", { name: "Out" }).click();
    await page.waitForURL(/sort=bytesOut/);
    await page.getByRole("columnheader", { name: "Out" }).and(page.locator("[aria-sort=descending]")).waitFor();
    await page.goBack();
    await page.getByRole("columnheader", { name: "Age" }).and(page.locator("[aria-sort=descending]")).waitFor();
  });
});
