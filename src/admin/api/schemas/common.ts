/**
 * What all answers of the API are made of. Names are camelCase; times are RFC 3339 texts in UTC; durations are numbers of ms, and say so
 * (`…Ms`); bytes are counted from the process's start; an address is `host:port`, `[ipv6]:port` or `unix:/path`. A field that has no
 * value is null, never left out.
 */
import * as z from "zod/mini";

/** With its description, which the OpenAPI document shows. */
export function said<T extends z.ZodMiniType>(text: string, schema: T): T {
  return schema.check(z.describe(text)) as T;
}

export const count = () => z.int().check(z.minimum(0));
export const bytes = () => z.number().check(z.minimum(0));
export const ms = () => z.number().check(z.minimum(0));
export const time = () => z.iso.datetime();
export const address = () => z.string();

/** The most items of a page. */
export const LARGEST_PAGE = 1000;

/** Of measured durations, over the last minute; null where there was none. Upper bounds of the buckets that they fell into. */
export const quantiles = z.nullable(z.strictObject({ count: count(), p50: ms(), p90: ms(), p99: ms(), max: ms() }));
export type Quantiles = z.infer<typeof quantiles>;

/** A second, averaged over the last ten. */
export const rates = z.strictObject({
  connections: z.number(),
  failures: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
});
export type Rates = z.infer<typeof rates>;

/** A whole list. It is an object, so that more can be said beside it one day. */
export function listOf<T extends z.ZodMiniType>(item: T) {
  return z.strictObject({ items: z.array(item) });
}

/** A part of a list: `total` is how many there are that match, `next` the offset of the next page, or null. */
export function pageOf<T extends z.ZodMiniType>(item: T) {
  return z.strictObject({ items: z.array(item), total: count(), next: z.nullable(count()) });
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly next: number | null;
}

/** What is wrong, and whose fault it is. */
export const problem = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    fault: z.enum(["client", "config", "balancer", "target"]),
    retry: z.boolean(),
  }),
});
export type Problem = z.infer<typeof problem>;
