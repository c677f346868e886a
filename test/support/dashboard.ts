/** The dashboard over a balancer that does not exist, which knows two tokens. */
import type { Page } from "playwright-core";
import { apiApp } from "../../src/admin/api/app.ts";
import { problemAnswer } from "../../src/admin/api/problem.ts";
import { dashboardPage } from "../../src/admin/dashboard/dashboard.ts";
import type { Asker, Operated } from "../../src/admin/face.ts";
import { HarmonyError } from "../../src/util/errors.ts";
import { EVERYTHING, type OperatedServer, serveOperated } from "./operated-server.ts";

const ASKERS: Readonly<Record<string, Asker>> = {
  "secret-act": { name: "act", right: "act", pool: null },
  "secret-read": { name: "read", right: "read", pool: null },
  "secret-web": { name: "web", right: "act", pool: "web" },
};

/** `port`: that one, where it was before. */
export function serveDashboard(operated: Operated, port = 0): Promise<OperatedServer> {
  const api = apiApp(operated);
  const answer = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname === "/") return dashboardPage(request);
    const asker = ASKERS[request.headers.get("authorization")?.replace("Bearer ", "") ?? ""];
    if (asker === undefined) return problemAnswer(NOT_KNOWN);
    return api.fetch(request, { asker, address: "" });
  };
  return serveOperated(operated, EVERYTHING, answer, port);
}

const NOT_KNOWN = new HarmonyError("UNAUTHORIZED", "there is no such token", { fault: "client" });

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** What is under a heading. */
export function part(page: Page, heading: string | RegExp) {
  return page.getByRole("region", { name: heading });
}
