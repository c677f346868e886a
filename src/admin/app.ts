/** All that is answered over HTTP, put together: who may ask for it has been judged by then (access/). */
import { Hono } from "hono";
import type { Answer, Visit } from "./access/sites.ts";
import { dashboardPage } from "./dashboard/dashboard.ts";
import { problem } from "./http/problem.ts";

export type App = Hono<{ Bindings: Visit }>;

/** `isReady`: whether it takes clients; what is not ready is alive all the same. `parts`: what else is served, each at paths of its own. */
export function adminApp(isReady: () => boolean, parts: readonly App[]): Answer {
  const app: App = new Hono();
  app.get("/livez", ({ text }) => text("alive\n"));
  app.get("/readyz", ({ text }) => (isReady() ? text("ready\n") : text("not ready\n", 503)));
  app.get("/", ({ req }) => dashboardPage(req.raw));
  for (const part of parts) app.route("/", part);
  app.notFound(({ req: { path } }) =>
    problem(404, { code: "NO_ROUTE", message: `there is no ${path}`, fault: "client", retry: false }),
  );
  return (request, visit) => app.fetch(request, visit);
}
