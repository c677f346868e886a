/** Where commands reach a balancer's API: whatever its own `--api` may be, so that both can read one file, or a URL. */
import { listOf } from "./address-kinds.ts";
import { type ApiPlace, apiPlaces } from "./api-kind.ts";
import { type Kind, kindOf } from "./kind.ts";

export type ApiWay = ApiPlace | ApiUrl;

export interface ApiUrl {
  /** Without a slash at its end. */
  readonly url: string;
}

const URL_FORM = /^https?:\/\/(\[[0-9a-f:.]+\]|[^\s/:?#@]+)(:\d{1,5})?(\/[^\s?#]*)?$/i;

export const apiWays: Kind<readonly ApiWay[], string | readonly string[]> = kindOf(
  {
    placeholder: "auto|unix:PATH|URL",
    allowed: "auto, unix: and the path of a socket, HOST:PORT, or a URL such as https://balancer.example:1667",
    library: { words: "string or list of them" },
    list: true,
  },
  listOf(wayOf, (way) => (isUrl(way) ? way.url : apiPlaces.format([way]))),
);

export function isUrl(way: ApiWay): way is ApiUrl {
  return typeof way === "object" && "url" in way;
}

function wayOf(text: string): ApiWay | undefined {
  if (!/^https?:/i.test(text)) return apiPlaces.parse(text)?.value[0];
  return URL_FORM.test(text) && URL.canParse(text) ? { url: text.replace(/\/$/, "") } : undefined;
}
