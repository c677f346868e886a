/** Which part of the page is to be seen: it stands in the address after `#`, so that it can be kept, sent and gone back to. */

export const VIEWS = ["pools", "connections", "events", "system"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Route {
  readonly view: ViewName;
  /** What is picked out: `pool`, `target` and so on. */
  readonly query: Readonly<Record<string, string>>;
}

/** Of what stands after `#`. Whatever is not known is the beginning. */
export function routeOf(hash: string): Route {
  const [, name = "", search = ""] = /^#\/([a-z]*)(?:\?(.*))?$/.exec(hash) ?? [];
  const view = VIEWS.find((each) => each === name) ?? "pools";
  return { view, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function hashOf(view: ViewName, query: Readonly<Record<string, string | null | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  return `#/${view}${search.size === 0 ? "" : `?${search}`}`;
}
