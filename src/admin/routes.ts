/** What the API answers: an entry of the table for each thing that can be asked. */
import { resolve } from "node:path";
import type { Step } from "../config/document/difference.ts";
import { stepText } from "../config/document/step-text.ts";
import type { BalancerSettings } from "../config/settings.ts";
import { HarmonyError } from "../util/errors.ts";
import { shownSettings } from "./shown-settings.ts";

/** What the API needs of the balancer. What is refused comes as a HarmonyError. */
export interface ApiBalancer {
  /** What is in force. */
  readonly settings: BalancerSettings;
  /** Reads the document again, and carries out what differs. */
  reload(): Promise<readonly Step[]>;
  /** What reload() would do; with a path, if that file were the document's. */
  compare(file: string | null): readonly Step[];
}

export interface Answer {
  readonly status: number;
  /** Becomes JSON. */
  readonly body: unknown;
}

interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** `body`: what came as JSON, undefined where nothing came. */
  run(balancer: ApiBalancer, body: unknown): unknown;
}

const ROUTES: readonly Route[] = [
  { method: "GET", path: "/v1/document", run: ({ settings }) => shownSettings(settings) },
  { method: "POST", path: "/v1/reload", run: async (balancer) => shownSteps(balancer, await balancer.reload()) },
  // Body: { "file": PATH }, or none.
  {
    method: "POST",
    path: "/v1/compare",
    run: (balancer, body) => shownSteps(balancer, balancer.compare(fileOf(body))),
  },
];

/** Rejects with what `run` throws. */
export async function answerTo(balancer: ApiBalancer, method: string, url: string, body: string): Promise<Answer> {
  const [pathname = ""] = url.split("?", 1);
  const here = ROUTES.filter(({ path }) => path === pathname);
  const route = here.find((each) => each.method === method);
  if (here.length === 0)
    return problem(404, `there is no ${pathname}, only ${ROUTES.map(({ path }) => path).join(", ")}`);
  if (route === undefined) return problem(405, `${pathname} takes ${here.map((each) => each.method).join(", ")}`);
  return { status: 200, body: await route.run(balancer, json(body)) };
}

export function problem(status: number, message: string, code = "BAD_REQUEST"): Answer {
  return { status, body: { error: { code, message } } };
}

function json(body: string): unknown {
  if (body === "") return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest("the body is not JSON");
  }
}

function fileOf(body: unknown): string | null {
  if (body === undefined) return null;
  const { file } = (body ?? {}) as { readonly file?: unknown };
  if (typeof file === "string" && file !== "") return file;
  throw badRequest('the body is { "file": PATH }, or nothing');
}

/** As answers have them. */
export interface ShownSteps {
  /** What the balancer reads when it reloads; null: it was started without a file. */
  readonly file: string | null;
  readonly steps: readonly { readonly kind: Step["kind"]; readonly text: string }[];
}

function shownSteps({ settings: { config } }: ApiBalancer, steps: readonly Step[]): ShownSteps {
  const file = config === null ? null : resolve(config);
  return { file, steps: steps.map((step) => ({ kind: step.kind, text: stepText(step) })) };
}

function badRequest(message: string): HarmonyError {
  return new HarmonyError("BAD_REQUEST", message, { fault: "client" });
}
