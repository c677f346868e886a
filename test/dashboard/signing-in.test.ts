/** Who gets into the dashboard, and what it keeps of that. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { noBrowser, type Opened, openBrowser, openPage } from "../support/browser.ts";
import { part, serveDashboard, signIn } from "../support/dashboard.ts";
import { FakeOperated } from "../support/operated.ts";
import type { OperatedServer } from "../support/operated-server.ts";

describe("signing in to the dashboard", { skip: noBrowser }, () => {
  let browser: Browser;
  let server: OperatedServer;
  let opened: Opened;

  before(async () => {
    [browser, server] = await Promise.all([openBrowser(), serveDashboard(new FakeOperated())]);
  });
  after(async () => {
    await browser.close();
    await server.close();
  });
  afterEach(async () => {
    assert.deepEqual(opened.faults, []);
    await opened.close();
  });

  const open = async () => {
    opened = await openPage(browser, server.url);
    return opened.page;
  };

  it("refuses a wrong token with the balancer's words, and then takes a right one", async () => {
    const page = await open();
    await signIn(page, "secret-wrong");
    await page.getByRole("alert").getByText("there is no such token").waitFor();
    assert.equal(await page.getByRole("heading", { name: "Targets" }).count(), 0);
    await signIn(page, "secret-act");
    await part(page, "Targets").waitFor();
  });

  it("keeps the token in this tab alone: no cookie, nothing in the address", async () => {
    const page = await open();
    await signIn(page, "secret-act");
    await part(page, "Targets").waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    assert.equal(await page.evaluate("localStorage.length"), 0);
    assert.ok(!page.url().includes("secret"), page.url());
    await page.reload();
    await part(page, "Targets").waitFor();
    const another = await page.context().newPage();
    await another.goto(server.url);
    await another.getByLabel("Token").waitFor();
  });

  it("forgets it on signing out", async () => {
    const page = await open();
    await signIn(page, "secret-act");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    assert.equal(await page.evaluate("sessionStorage.length"), 0);
    await page.reload();
    await page.getByLabel("Token").waitFor();
  });

  it("offers no act to whom a token lets read alone", async () => {
    const page = await open();
    await signIn(page, "secret-read");
    await page.getByText("read: read only").waitFor();
    await part(page, "Targets").getByRole("button", { name: "web-1" }).click();
    await page.getByRole("group", { name: "Details of web/web-1" }).waitFor();
    const acts = page.getByRole("button", { name: /Drain|Maintain|Ready|Cut|Set|Reload/ });
    assert.equal(await acts.count(), 0);
    await page.getByRole("link", { name: "Connections" }).click();
    await page.getByRole("table", { name: "Open connections" }).waitFor();
    assert.equal(await acts.count(), 0);
    await page.getByRole("link", { name: "System" }).click();
    await part(page, "Process").waitFor();
    assert.equal(await acts.count(), 0);
  });

  it("shows a token's own pool, and asks for nothing that it may not have", async () => {
    const page = await open();
    await signIn(page, "secret-web");
    await page.getByText("web: may act, pool web").waitFor();
    await part(page, "Targets").getByText("web-1").first().waitFor();
    await page.getByRole("link", { name: "System" }).click();
    await part(page, "Reporters").waitFor();
    assert.equal(await part(page, "Keys and tokens").count(), 0);
    assert.equal(await page.getByRole("button", { name: /Reload/ }).count(), 0);
  });
});
