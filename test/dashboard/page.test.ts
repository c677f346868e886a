/** The dashboard's page, as a browser gets it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { dashboardPage } from "../../src/admin/dashboard/dashboard.ts";

const get = (headers: Record<string, string> = {}) => dashboardPage(new Request("http://127.0.0.1/", { headers }));

describe("the dashboard's page", async () => {
  const { headers } = get();
  const html = await get().text();
  const policy = new Map(
    headers
      .get("content-security-policy")!
      .split("; ")
      .map((each) => {
        const [name = "", ...values] = each.split(" ");
        return [name, values.join(" ")];
      }),
  );

  it("may run its own text, and nothing else", () => {
    for (const [element, directive] of [
      ["script", "script-src"],
      ["style", "style-src"],
    ] as const) {
      const texts = [...html.matchAll(new RegExp(`<${element}[^>]*>(.*?)</${element}>`, "gs"))].map(
        ([, text]) => text!,
      );
      assert.equal(texts.length, 1, element);
      const hash = createHash("sha256").update(texts[0]!).digest("base64");
      assert.equal(policy.get(directive), `'sha256-${hash}'`);
    }
    assert.equal(policy.get("default-src"), "'none'");
    assert.equal(policy.get("connect-src"), "'self'");
    assert.equal(policy.get("frame-ancestors"), "'none'");
  });

  it("asks for no other file", () => {
    const links = [...html.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, link]) => link!);
    assert.deepEqual(
      links.filter((link) => !link.startsWith("data:")),
      [],
    );
    assert.doesNotMatch(html, /@import|url\((?!["']?data:)/);
  });

  it("is sent once, for as long as it is the same", async () => {
    const again = get({ "if-none-match": headers.get("etag")! });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), "");
    assert.equal(get({ "if-none-match": '"another"' }).status, 200);
  });

  it("stays small enough for a slow line", () => {
    assert.ok(html.length < 200_000, `${html.length} characters`);
  });
});
