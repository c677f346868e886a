/** `/metrics`: the page for collectors. */
import { Hono } from "hono";
import type { App } from "../app.ts";
import { metricsAnswer } from "./page.ts";
import type { Measured } from "./scrape.ts";

export function metricsApp(measured: Measured): App {
  const app: App = new Hono();
  app.get("/metrics", ({ req, env }) => metricsAnswer(measured, req.header("accept") ?? null, env.asker?.pool ?? null));
  return app;
}
