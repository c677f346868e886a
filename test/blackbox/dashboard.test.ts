/** The dashboard of a balancer that runs, and serves clients meanwhile. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { Pool } from "../../src/admin/api/schemas/pools.ts";
import type { Target } from "../../src/admin/api/schemas/targets.ts";
import { bytes, count } from "../../src/admin/dashboard/page/format.ts";
import { noBrowser, type Opened, openBrowser, openPage } from "../support/browser.ts";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { part, signIn } from "../support/dashboard.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { httpGet } from "../support/http.ts";
import { field } from "../support/log.ts";
import { endPrograms } from "../support/program.ts";
import { startTarget } from "../support/target-process.ts";
import { passes, until } from "../support/wait.ts";

const TARGETS = ["one", "two", "three"];
/** At a time. */
const CLIENTS = 4;

describe("the dashboard of a balancer under load", { skip: noBrowser }, () => {
  let browser: Browser;
  let balancer: Balancer;
  let opened: Opened;
  let page: Page;
  let url: string;
  let token: string;
  let isLoaded = true;
  let load: Promise<unknown>;

  before(async () => {
    const home = temporaryFolder("dashboard");
    const args = ["--api", `unix:${join(home, "api.sock")}`, "--api", "127.0.0.1:0"];
    const env = { HOME: home, XDG_CONFIG_HOME: join(home, "config"), XDG_RUNTIME_DIR: home, HARMONY_API: undefined };
    [browser, balancer] = await Promise.all([openBrowser(), startBalancer(args, { env })]);
    const line = await balancer.program.says(/the dashboard is at/);
    url = String(field(line, "dashboard"));
    token = readFileSync(String(field(line, "tokenFile")), "utf8").trim();
    for (const name of TARGETS) {
      const { port } = await startTarget("http", name);
      await startReporter(balancer, port, ["--id", name]);
    }
    load = Promise.all(Array.from({ length: CLIENTS }, client));
  });
  after(async () => {
    isLoaded = false;
    await load;
    await browser.close();
    await endPrograms();
    removeFolders();
  });
  beforeEach(async () => {
    opened = await openPage(browser, url);
    page = opened.page;
  });
  afterEach(async () => {
    assert.deepEqual(opened.faults, []);
    await opened.close();
  });

  async function client(): Promise<void> {
    while (isLoaded) {
      await httpGet(balancer.port, "/");
      await passes(10);
    }
  }

  async function api<T>(path: string, method = "GET"): Promise<T> {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(method === "GET" ? {} : { body: "{}" }),
    });
    assert.equal(response.status, 200);
    return (await response.json()) as T;
  }
  const pool = async () => (await api<{ items: Pool[] }>("/v1/pools")).items[0]!;
  const targets = async () => (await api<{ items: Target[] }>("/v1/targets")).items;
  const target = async (name: string) => (await targets()).find(({ id }) => id === `default/${name}`)!;
  const fact = (name: string) => page.locator("dl.facts > div", { hasText: name }).locator("dd");
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByRole("button", { name, exact: true }) });

  it("opens signed in with a link that is good once", async () => {
    const { url: link } = await api<{ url: string }>("/v1/links", "POST");
    await page.goto(link);
    await part(page, "Targets").waitFor();
    assert.ok(!page.url().includes("code"), page.url());
    const other = await openPage(browser, url);
    await other.page.goto(link);
    await other.page.getByText("the link was used before").waitFor();
    await other.close();
  });

  it("refuses a wrong token", async () => {
    await signIn(page, "wrong");
    await page.getByText("there is no such token").waitFor();
  });

  it("drains a target by its button: it gets no new connections until that is undone", async () => {
    await signIn(page, token);
    await page.getByRole("button", { name: /^Drain default\/two/ }).click();
    await row("two").getByText("draining").waitFor();
    await until("its last connection to end", async () => (await target("two")).active === 0);
    const [{ connections: drained }, { connections: others }] = [await target("two"), await target("one")];
    await until("others to be served", async () => (await target("one")).connections > others + 20);
    assert.equal((await target("two")).connections, drained);
    await page.getByRole("button", { name: "Undo" }).click();
    await row("two").getByText("up", { exact: true }).waitFor();
    await until("it to be served again", async () => (await target("two")).connections > drained);
  });

  it("shows the API's numbers: while they rise none that it never said, and all of them once they stand", async () => {
    await signIn(page, token);
    await part(page, "Targets").waitFor();
    const shown = async () => Number((await fact("Since the start").innerText()).split(" ")[0]!.replaceAll(",", ""));
    for (let looks = 0; looks < 5; looks++) {
      const { connections: least } = await pool();
      const value = await until("a newer number on the page", async () => {
        const each = await shown();
        return each >= least && each;
      });
      assert.ok(value <= (await pool()).connections, `${value} is more than there were`);
    }
    isLoaded = false;
    await load;
    await until("all connections to end", async () => (await pool()).active === 0);
    const last = await pool();
    await until("the page to know of the last one", async () => (await shown()) === last.connections);
    const wanted = `${count(last.connections)} connections, ${bytes(last.bytesIn)} in, ${bytes(last.bytesOut)} out`;
    assert.equal(await fact("Since the start").innerText(), wanted);
    for (const each of await targets()) {
      const name = each.id.replace("default/", "");
      const cells = await row(name).getByRole("cell").allInnerTexts();
      assert.match(cells[1]!, new RegExp(`^${each.state}\\b`));
      assert.equal(cells[2]!.split("\n")[0], count(each.weight));
      assert.equal(cells[3], count(each.active));
      assert.equal(cells[8], count(each.failures));
      await row(name).getByRole("button", { name, exact: true }).click();
      const details = page.getByRole("group", { name: `Details of ${each.id}` });
      const since = details.locator("dl.facts > div", { hasText: "Since it came" }).locator("dd");
      assert.equal(
        await since.innerText(),
        `${count(each.connections)}, ${bytes(each.bytesIn)} in, ${bytes(each.bytesOut)} out`,
      );
    }
  });
});
