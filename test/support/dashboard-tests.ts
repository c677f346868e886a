/** What tests of the dashboard in a browser have alike: a browser for all, and for each a balancer that does not exist and a page of it. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type Opened, openBrowser, openPage } from "./browser.ts";
import { serveDashboard } from "./dashboard.ts";
import { FakeOperated } from "./operated.ts";
import type { OperatedServer } from "./operated-server.ts";

/** Those of the test that runs. */
export interface Shown {
  readonly operated: FakeOperated;
  readonly opened: Opened;
  readonly page: Page;
  server: OperatedServer;
}

/** To be called in a `describe`. What the page did that it should not have done fails the test. */
export function shownOnPage(): Shown {
  let browser: Browser;
  const shown = {} as { -readonly [K in keyof Shown]: Shown[K] };
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());
  beforeEach(async () => {
    shown.operated = new FakeOperated();
    shown.server = await serveDashboard(shown.operated);
    shown.opened = await openPage(browser, shown.server.url);
    shown.page = shown.opened.page;
  });
  afterEach(async () => {
    await shown.opened.close();
    await shown.server.close();
    assert.deepEqual(shown.opened.faults, []);
  });
  return shown;
}
