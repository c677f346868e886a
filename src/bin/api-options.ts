/** For commands that speak to a balancer: the options that say where it is, and its client. */

import type { ApiPlace, UrlPlace } from "../admin/client/exchange.ts";
import { ApiClient } from "../admin/client.ts";
import { socketPlaces } from "../admin/places.ts";
import { type ApiWay, apiWays, isUrl } from "../config/api-way-kind.ts";
import { balancerOptions } from "../config/balancer-options.ts";
import { readText } from "../config/files.ts";
import { path } from "../config/kinds.ts";
import { option, optional, type Values } from "../config/option.ts";
import { checkAuthorities } from "../config/pem.ts";
import type { BalancerSettings } from "../config/settings.ts";
import { trustOptions } from "../config/trust-options.ts";
import { hostEnvironment } from "../control/keys/key-places.ts";
import { formatAddress } from "../util/address.ts";
import { HarmonyError } from "../util/errors.ts";

/** Not the file, which is the balancer's. */
const HERE = ["flag", "env"] as const;

export const apiOptions = {
  api: option({
    kind: apiWays,
    default: ["auto"] as readonly ApiWay[],
    doc: "Where the balancer is: its socket, or the address of its API, which takes --token-file. auto looks where balancers of this machine have their socket by themselves.",
    places: ["flag", "env", "file"],
  }),
  tokenFile: optional({
    kind: path,
    doc: "File with the token for an API that is reached by its address: token-read or token-act beside the balancer's key.",
    places: HERE,
  }),
  apiCa: optional({
    kind: path,
    doc: "PEM file of the authorities that may have signed the certificate of an API at https://, in place of the system's.",
    places: HERE,
  }),
  ...trustOptions,
} as const;

export type ApiValues = Pick<Values<typeof apiOptions>, "api" | "keyFile" | "reporters"> &
  Partial<Pick<Values<typeof apiOptions>, "tokenFile" | "apiCa">>;

/** Sockets are tried before addresses: whoever may open one needs no token. Throws HarmonyError where there is none by intention. */
export function apiClient(values: ApiValues): ApiClient {
  const { api, keyFile, reporters } = values;
  if (api.includes("off"))
    throw new HarmonyError("NO_API", "this balancer has no API (--api off)", { fault: "config" });
  const sockets = api.flatMap((way): ApiPlace[] => {
    if (way === "auto") return socketPlaces({ keyFile, reporters }, hostEnvironment()).map((socket) => ({ socket }));
    return typeof way === "object" && "path" in way ? [{ socket: way.path }] : [];
  });
  const urls = api.flatMap(urlOf);
  const hasToken = typeof values.tokenFile === "string";
  if (urls.length > 0 && !hasToken && sockets.length === 0)
    throw wrong(`${urls[0]} takes a token: name its file with --token-file`);
  return new ApiClient([...sockets, ...(hasToken ? urls.map((url) => urlPlace(url, values)) : [])]);
}

function urlOf(way: ApiWay): string[] {
  if (typeof way === "string" || "path" in way) return [];
  if (isUrl(way)) return [way.url];
  // Where a balancer listens on every interface, it is on this machine's own as well.
  const host = ["", "0.0.0.0", "::"].includes(way.host) ? "127.0.0.1" : way.host;
  return [`http://${formatAddress({ ...way, host })}`];
}

function urlPlace(url: string, { tokenFile, apiCa }: ApiValues): UrlPlace {
  const problems: string[] = [];
  const token = readText(tokenFile!, "--token-file", problems)?.trim() ?? "";
  const ca = typeof apiCa === "string" ? readText(apiCa, "--api-ca", problems) : null;
  if (ca !== null) checkAuthorities({ option: "--api-ca", pem: ca }, problems);
  if (problems.length === 0 && !/^[\x21-\x7e]+$/.test(token))
    problems.push(`--token-file ${tokenFile}: it has to hold one token and nothing else`);
  if (problems.length > 0) throw wrong(problems.join("\n"));
  return { url, token, ca };
}

function wrong(message: string): HarmonyError {
  return new HarmonyError("BAD_OPTIONS", message, { fault: "config" });
}

/** Of the balancer that would be started with these settings, on this machine. */
export function ownApiClient({
  api,
  keyFile,
  reporters,
}: Pick<BalancerSettings, "api" | "keyFile" | "reporters">): ApiClient {
  const ways = apiWays.parse(balancerOptions.api.kind.format(api))!.value;
  return apiClient({ api: ways, keyFile, reporters });
}
