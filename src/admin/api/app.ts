/** What is answered under /v1/: who asks has been found out before (access/). */
import { type Context, Hono } from "hono";
import { HarmonyError } from "../../util/errors.ts";
import type { Visit } from "../access/sites.ts";
import type { App } from "../app.ts";
import type { Asker, Operated } from "../face.ts";
import { jsonAnswer } from "./json-answer.ts";
import { judgeJson, judgeQuery, NOTHING } from "./judge.ts";
import { openApi } from "./openapi.ts";
import { problemAnswer } from "./problem.ts";
import type { Route } from "./route.ts";
import { DESCRIBED, ROUTES } from "./routes.ts";
import { seenBy } from "./seen-by.ts";

const DESCRIPTION = "/v1/openapi.json";

export function apiApp(operated: Operated): App {
  const app: App = new Hono();
  let description: unknown;
  app.get(DESCRIPTION, () => {
    description ??= openApi(DESCRIBED);
    return jsonAnswer(description);
  });
  for (const route of ROUTES) {
    app.on(route.method, honoPath(route), (context) => answer(route, operated, context));
  }
  for (const { path } of ROUTES) {
    const methods = ROUTES.filter((each) => each.path === path).map(({ method }) => method);
    app.all(honoPath({ path }), () => problemAnswer(wrongMethod(path, methods), { allow: methods.join(", ") }));
  }
  app.all("/v1/*", ({ req }) => problemAnswer(nothingThere(req.path)));
  app.onError((error) => problemAnswer(error));
  return app;
}

async function answer(route: Route, operated: Operated, { req, env }: Context<{ Bindings: Visit }>): Promise<Response> {
  const { asker } = env;
  if (asker === null) throw new HarmonyError("UNAUTHORIZED", "it takes a token", { fault: "client" });
  if (route.right === "act" && asker.right !== "act") throw mayOnlyRead(asker);
  const query = judgeQuery(route.query, new URL(req.url).searchParams);
  const body = await bodyFor(route, req.raw);
  const path = req.param() as Readonly<Record<string, string>>;
  const given = await route.run({ operated: seenBy(operated, asker), asker, path, query, body, request: req.raw });
  return given instanceof Response ? given : jsonAnswer(given);
}

async function bodyFor({ body, bodyType }: Route, request: Request): Promise<unknown> {
  if (request.body === null && body === undefined) return undefined;
  const text = await request.text();
  if (body === undefined) return judgeJson(NOTHING, text);
  return bodyType === undefined ? judgeJson(body, text) : text;
}

/** `/v1/pools/{pool}` → `/v1/pools/:pool` */
function honoPath({ path }: Pick<Route, "path">): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

function mayOnlyRead({ name }: Asker): HarmonyError {
  return new HarmonyError("FORBIDDEN", `token "${name}" may read only: this takes one with right=act`, {
    fault: "client",
  });
}

function wrongMethod(path: string, methods: readonly string[]): HarmonyError {
  return new HarmonyError("BAD_METHOD", `${path} takes ${methods.join(", ")}`, { fault: "client" });
}

function nothingThere(path: string): HarmonyError {
  const shown = path.length > 100 ? `${path.slice(0, 100)}…` : path;
  return new HarmonyError("NO_ROUTE", `there is no ${shown}: ${DESCRIPTION} describes what there is`, {
    fault: "client",
  });
}
