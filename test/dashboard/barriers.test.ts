/** The dashboard keeps nobody out: axe-core's rules for whoever hears it or sees it badly, and a keyboard instead of a mouse. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { noBrowser, openBrowser, openPage } from "../support/browser.ts";
import { part, serveDashboard, signIn } from "../support/dashboard.ts";
import { FakeOperated } from "../support/operated.ts";
import type { OperatedServer } from "../support/operated-server.ts";
import { VIEWS } from "./views.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe-core finds that is serious, in its words. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const violations = (await page.evaluate("axe.run().then(({ violations }) => violations)")) as Violation[];
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}

describe("the dashboard without a mouse, or without eyes", { skip: noBrowser }, () => {
  let browser: Browser;
  let server: OperatedServer;

  before(async () => {
    [browser, server] = await Promise.all([openBrowser(), serveDashboard(new FakeOperated())]);
  });
  after(async () => {
    await browser.close();
    await server.close();
  });

  // Tables and cards, and both sets of colours.
  for (const [width, theme] of [
    [360, "light"],
    [1440, "dark"],
  ] as const) {
    it(`has nothing serious for axe-core, at ${width} pixels, ${theme}`, async () => {
      const opened = await openPage(browser, server.url, { width, theme });
      const { page } = opened;
      await page.getByLabel("Token").waitFor();
      assert.deepEqual(await barriers(page), [], "sign-in");
      await signIn(page, "secret-act");
      for (const [name, go] of Object.entries(VIEWS)) {
        await go(page);
        assert.deepEqual(await barriers(page), [], name);
      }
      await opened.close();
    });
  }

  it("is reached with the Tab key alone", async () => {
    const opened = await openPage(browser, server.url);
    const { page } = opened;
    const focused = page.locator(":focus");
    await page.getByLabel("Token").waitFor();
    await page.keyboard.type("secret-act"); // the field has the focus from the beginning
    await page.keyboard.press("Enter");
    await part(page, "Targets").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focused.innerText(), "To the content");
    await page.keyboard.press("Enter");
    assert.equal(await focused.getAttribute("id"), "main");
    const wanted = new Set(["db", "web-1", "Drain", "All events"]);
    for (let presses = 0; wanted.size > 0 && presses < 80; presses++) {
      await page.keyboard.press("Tab");
      if ((await focused.count()) > 0) wanted.delete(await focused.innerText());
    }
    assert.deepEqual([...wanted], []);
    await opened.close();
  });
});
