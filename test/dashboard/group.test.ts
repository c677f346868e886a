/** The group on the dashboard. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { noBrowser } from "../support/browser.ts";
import { part, signIn } from "../support/dashboard.ts";
import { shownOnPage } from "../support/dashboard-tests.ts";
import { fakeGroup } from "../support/operated/group.ts";
import type { FakeOperated } from "../support/operated.ts";

describe("the group on the dashboard", { skip: noBrowser }, () => {
  const shown = shownOnPage();
  let operated: FakeOperated;
  let page: Page;

  beforeEach(() => {
    ({ operated, page } = shown);
  });

  const system = () => page.getByRole("link", { name: "System" }).click();
  const balancers = () => page.getByRole("table", { name: "Balancers of the group" });

  it("has a row for each of its balancers, and is no part of the page where there is none", async () => {
    await signIn(page, "secret-read");
    await system();
    await part(page, "Keys and tokens").waitFor();
    assert.equal(await part(page, "Group").count(), 0);
    operated.inGroup = fakeGroup(Date.now() - 3_600_000);
    await balancers().waitFor();
    const rows = await balancers().locator("tbody tr").allInnerTexts();
    assert.deepEqual(
      rows.map((row) => row.split(/\s+/).slice(0, 1).join()),
      ["lb-1:1666", "lb-2:1666", "lb-3:1666"],
    );
    assert.match(rows[0]!, /this one\s+present/);
    assert.match(rows[2]!, /gone\s+2\.1\.0/);
    assert.match(await part(page, "Group").innerText(), /redis:\/\/10\.0\.0\.5:6379\/0/);
    operated.inGroup = null;
    await part(page, "Group").waitFor({ state: "detached" });
  });

  it("is pointed out from everywhere when it is lost, and leads to where more is said", async () => {
    operated.inGroup = { ...fakeGroup(Date.now()), state: "lost", reason: "it does not answer" };
    await signIn(page, "secret-read");
    await page.getByRole("link", { name: "The group is lost: it does not answer" }).click();
    await part(page, "Group")
      .getByText(/^lost for .*: it does not answer$/)
      .waitFor();
  });

  it("shows those who see one pool that it is there, and no other balancers", async () => {
    operated.inGroup = fakeGroup(Date.now());
    await signIn(page, "secret-web");
    await system();
    await part(page, "Group")
      .getByText(/^connected for /)
      .waitFor();
    await part(page, "Reporters").waitFor();
    assert.equal(await balancers().count(), 0);
  });

  const shares = () => page.getByRole("group", { name: "Details of web/web-1" });
  const open = () => page.getByRole("button", { name: "web-1", exact: true }).click();

  it("shows in the details of a target what each balancer has of it, and which does not answer", async () => {
    operated.inGroup = fakeGroup(Date.now());
    await signIn(page, "secret-read");
    await open();
    await shares().getByText("– it does not answer").waitFor();
    const text = await shares().innerText();
    const [, sum] = /All\s+([\d,]+) connections, \S+ new, and what is not known/.exec(text)!;
    const [, own] = /lb-1:1666\s+([\d,]+), \S+ new this one/.exec(text)!;
    const [, other] = /lb-2:1666\s+([\d,]+), \S+ new, 0\.3\s?s ago/.exec(text)!;
    assert.deepEqual([Number(other), Number(sum)], [Number(own) + 3, Number(own) + Number(other)]);
    operated.inGroup = { ...fakeGroup(Date.now()), state: "lost", reason: "it is gone" };
    await shares().getByText("The group is not reached: it is gone").waitFor();
    operated.groupTargets = () => Promise.reject(new Error("oops"));
    await shares()
      .getByText(/^They could not be asked: .*oops/)
      .waitFor();
    operated.inGroup = null;
    await shares().getByText("Connections over the group").waitFor({ state: "detached" });
  });

  it("shows those who see one pool no shares of other balancers, and does not ask for any", async () => {
    operated.inGroup = fakeGroup(Date.now());
    operated.groupTargets = () => assert.fail("it was asked");
    await signIn(page, "secret-web");
    await open();
    await shares().getByText("Who says what").waitFor();
    assert.equal(await shares().getByText("Connections over the group").count(), 0);
  });
});
