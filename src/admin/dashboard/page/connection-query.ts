/** Which connections are asked for: what stands in the address, as the API takes it. */

/** Rows of a page. */
export const CONNECTIONS_PAGE = 50;
/** What can be picked out by. */
export const FILTERS = ["pool", "target", "client", "phase"] as const;

export type ConnectionQuery = Readonly<Record<string, string | number>>;

export function connectionQuery(query: Readonly<Record<string, string>>): ConnectionQuery {
  const { sort = "age", order = "desc", offset } = query;
  const filters = Object.fromEntries(FILTERS.flatMap((name) => (query[name] ? [[name, query[name]]] : [])));
  return { ...filters, sort, order, offset: Number(offset ?? 0) || 0 };
}
