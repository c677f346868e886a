/** For commands that speak to the balancer that runs here: where its socket is looked for, and how its answers are printed. */
import { socketPlaces } from "../admin/places.ts";
import type { ShownSteps } from "../admin/routes.ts";
import { balancerOptions } from "../config/balancer-options.ts";
import { option, type Values } from "../config/option.ts";
import { trustOptions } from "../config/trust-options.ts";
import { hostEnvironment } from "../control/keys/key-places.ts";
import { HarmonyError } from "../util/errors.ts";
import { print } from "./command.ts";

export const apiOptions = {
  api: option({
    ...balancerOptions.api,
    doc: "The balancer's socket. auto looks where balancers have it by themselves.",
    places: ["flag", "env", "file"],
  }),
  ...trustOptions,
} as const;

/** In the order in which they are tried. Throws HarmonyError where there is none by intention. */
export function apiSockets({
  api,
  keyFile,
  reporters,
}: Pick<Values<typeof apiOptions>, "api" | "keyFile" | "reporters">): string[] {
  if (api === "off") throw new HarmonyError("NO_API", "this balancer has no API (--api off)", { fault: "config" });
  return api === "auto" ? socketPlaces({ keyFile, reporters }, hostEnvironment()) : [api.path];
}

/** What the balancer reads when it reloads, as the rest of a sentence. */
export function fileText({ file }: ShownSteps): string {
  return file === null ? "it was started without a file (--config)" : `its file is ${file}`;
}

/** A line a step. */
export function printSteps({ steps }: ShownSteps, none: string): void {
  print(steps.length === 0 ? none : steps.map(({ text }) => text).join("\n"));
}
