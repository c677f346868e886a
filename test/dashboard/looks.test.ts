/** How the dashboard looks, at three sizes and in both themes. The pictures are in test/out/. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { root } from "../../scripts/runtimes.ts";
import { noBrowser, openBrowser, openPage } from "../support/browser.ts";
import { serveDashboard, signIn } from "../support/dashboard.ts";
import { fakeGroup } from "../support/operated/group.ts";
import { FakeOperated } from "../support/operated.ts";
import type { OperatedServer } from "../support/operated-server.ts";
import { VIEWS } from "./views.ts";

const OUT = join(root, "test/out");
const THEMES = ["light", "dark"] as const;
/** What goes on as it begins: its beginning is enough. */
const LONG = new Set(["connections", "question"]);
const BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

describe("the dashboard", { skip: noBrowser }, () => {
  let browser: Browser;
  let server: OperatedServer;

  before(async () => {
    mkdirSync(OUT, { recursive: true });
    const operated = new FakeOperated();
    operated.inGroup = fakeGroup(operated.startedAt);
    [browser, server] = await Promise.all([openBrowser(), serveDashboard(operated)]);
  });
  after(async () => {
    await browser.close();
    await server.close();
  });

  for (const width of [360, 768, 1440]) {
    it(`is no wider than ${width} pixels, and has its picture taken`, async () => {
      const opened = await openPage(browser, server.url, { width });
      const { page } = opened;
      const look = async (name: string) => {
        for (const theme of THEMES) {
          await page.emulateMedia({ colorScheme: theme });
          await page.screenshot({ path: join(OUT, `${name}-${width}-${theme}.png`), fullPage: !LONG.has(name) });
        }
        const beyond = Number(await page.evaluate(BEYOND));
        assert.ok(beyond <= 0, `${name} is ${beyond} pixels wider than the window`);
      };
      await page.getByLabel("Token").waitFor();
      await look("sign-in");
      await signIn(page, "secret-act");
      for (const [name, go] of Object.entries(VIEWS)) {
        await go(page);
        await look(name);
      }
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });
  }
});
