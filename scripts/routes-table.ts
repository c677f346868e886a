/** The API's table of routes as markdown, for docs/api.md: from the same table that answers. */
import * as z from "zod/mini";
import { NAMED } from "../src/admin/api/openapi.ts";
import type { Described } from "../src/admin/api/route.ts";
import { DESCRIBED } from "../src/admin/api/routes.ts";

export const ROUTES_HEAD = ["Request", "Right", "What it does", "Parameters, or fields of the body", "Answer"];

export function routeRows(): string[][] {
  return DESCRIBED.map((route) => [
    `\`${route.method} ${route.path}\``,
    route.right === null ? "none" : `\`${route.right}\``,
    route.summary,
    takes(route),
    answer(route),
  ]);
}

function takes({ query, body, bodyType }: Described): string {
  if (bodyType !== undefined) return `the document, as \`${bodyType}\``;
  return [...fields(query), ...fields(body)].join(", ") || "none";
}

/** What may be left out has a `?`. */
function fields(schema: z.ZodMiniType | undefined): string[] {
  if (!(schema instanceof z.ZodMiniObject)) return [];
  const shape = schema.def.shape as Record<string, z.ZodMiniType>;
  return Object.entries(shape).map(([name, each]) => `\`${name}${each instanceof z.ZodMiniOptional ? "?" : ""}\``);
}

function answer({ answer: schema, stream }: Described): string {
  return `${named(schema)}${stream === undefined ? "" : `, or a stream of ${named(stream.item)}`}`;
}

function named(schema: z.ZodMiniType): string {
  if (schema instanceof z.ZodMiniNullable) return `${named(schema.def.innerType as z.ZodMiniType)} or null`;
  const name = Object.keys(NAMED).find((each) => NAMED[each] === schema);
  if (name !== undefined) return `\`${name}\``;
  const { items, total } = schema instanceof z.ZodMiniObject ? (schema.def.shape as Record<string, z.ZodMiniType>) : {};
  if (items instanceof z.ZodMiniArray) {
    return `${total === undefined ? "list" : "page"} of ${named(items.def.element as z.ZodMiniType)}`;
  }
  const own = fields(schema);
  return own.length > 0 ? own.join(", ") : "an object";
}
