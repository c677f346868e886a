/** Everything that the dashboard shows, in an order in which one comes from each to the next. */
import type { Page } from "playwright-core";
import { part } from "../support/dashboard.ts";

export const VIEWS: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  pools: (page) => page.getByRole("figure").last().locator("canvas").waitFor(),
  target: async (page) => {
    await page.getByRole("button", { name: "web-3", exact: true }).click();
    await page.getByRole("group", { name: "Details of web/web-3" }).waitFor();
  },
  connections: async (page) => {
    await page.getByRole("link", { name: "Connections" }).click();
    await page.getByRole("table", { name: "Open connections" }).waitFor();
  },
  question: async (page) => {
    await page
      .getByRole("button", { name: /^Cut the connection of/ })
      .first()
      .click();
    await page.getByRole("dialog").waitFor();
  },
  events: async (page) => {
    await page.getByRole("button", { name: "Leave it" }).click();
    await page.getByRole("link", { name: "Events", exact: true }).click();
    await part(page, "Events").waitFor();
  },
  system: async (page) => {
    await page.getByRole("link", { name: "System" }).click();
    await part(page, "Keys and tokens").waitFor();
  },
};
