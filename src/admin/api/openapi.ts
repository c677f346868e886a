/** The API's description, OpenAPI 3.1, from the table of routes and the schemas that judge what comes. */
import * as z from "zod/mini";
import { VERSION } from "../../util/version.ts";
import type { Described } from "./route.ts";
import { steps } from "./schemas/acts.ts";
import { problem } from "./schemas/common.ts";
import { connection } from "./schemas/connections.ts";
import { group } from "./schemas/group.ts";
import { event, key, reporter } from "./schemas/people.ts";
import { history, listener, pool } from "./schemas/pools.ts";
import { logLevel, me, status } from "./schemas/status.ts";
import { binding, target } from "./schemas/targets.ts";

type Json = Readonly<Record<string, unknown>>;

/** Those that have a name of their own in the description. One that is within another, and an answer as well, has to. */
export const NAMED: Readonly<Record<string, z.ZodMiniType>> = {
  Binding: binding,
  Connection: connection,
  Event: event,
  Group: group,
  History: history,
  Key: key,
  Listener: listener,
  LogLevel: logLevel,
  Me: me,
  Pool: pool,
  Problem: problem,
  Reporter: reporter,
  Status: status,
  Steps: steps,
  Target: target,
};
const PREFIX = "#/components/schemas/";

export function openApi(routes: readonly Described[]): Json {
  const schemas = describe(routes);
  return {
    openapi: "3.1.0",
    info: {
      title: "Harmony",
      version: VERSION,
      summary: "A TCP load balancer whose targets register themselves",
      description:
        "Names are camelCase, times RFC 3339 in UTC, durations ms (`…Ms`), addresses `host:port`, `[ipv6]:port` or `unix:/path`. What has no value is null.",
    },
    security: [{ token: [] }],
    paths: pathsOf(routes, schemas),
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A token of the key file. The Unix socket takes none." },
      },
      schemas: Object.fromEntries(Object.entries(NAMED).map(([name, schema]) => [name, schemas.get(schema)])),
    },
  };
}

/** By what judges: what describes it. */
type Schemas = ReadonlyMap<z.ZodMiniType, Json>;

/** All at once, so that those with names can be referred to by the others. */
function describe(routes: readonly Described[]): Schemas {
  const used = routes.flatMap(({ query, body, answer, stream }) => [query, body, answer, stream?.item]);
  const all = [...new Set([...Object.values(NAMED), ...used.filter((each) => each !== undefined)])];
  const names = new Map(Object.entries(NAMED).map(([name, schema]) => [schema, name]));
  const registry = z.registry<{ id: string }>();
  for (const [index, schema] of all.entries()) registry.add(schema, { id: names.get(schema) ?? `of-a-route-${index}` });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => PREFIX + id, io: "input" });
  return new Map(all.map((schema) => [schema, bare(schemas[registry.get(schema)!.id] as unknown as Json)]));
}

/** Where it stands says its name. */
function bare({ $schema: _, $id: __, ...schema }: Json): Json {
  return schema;
}

function schemaOf(schema: z.ZodMiniType, schemas: Schemas): Json {
  const name = Object.keys(NAMED).find((each) => NAMED[each] === schema);
  return name === undefined ? schemas.get(schema)! : { $ref: PREFIX + name };
}

function pathsOf(routes: readonly Described[], schemas: Schemas): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const ofPath = paths[route.path] ?? {};
    paths[route.path] = ofPath;
    ofPath[route.method.toLowerCase()] = operationOf(route, schemas);
  }
  return paths;
}

function operationOf(route: Described, schemas: Schemas): Json {
  const { summary, body, bodyType = "application/json" } = route;
  return {
    operationId: operationId(route),
    summary,
    ...(route.right === null
      ? { description: "Takes no token.", security: [] }
      : { description: `Takes the right \`${route.right}\`.` }),
    parameters: [...pathParameters(route), ...queryParameters(route, schemas)],
    ...(body === undefined ? {} : { requestBody: { content: { [bodyType]: { schema: schemaOf(body, schemas) } } } }),
    responses: {
      200: { description: "It is so, or it is done.", content: contentOf(route, schemas) },
      default: { description: "Why not.", content: { "application/json": { schema: schemaOf(problem, schemas) } } },
    },
  };
}

function contentOf({ answer, stream }: Described, schemas: Schemas): Json {
  const json = { "application/json": { schema: schemaOf(answer, schemas) } };
  return stream === undefined ? json : { ...json, [stream.type]: { schema: schemaOf(stream.item, schemas) } };
}

/** `getV1PoolsPoolTargets` without what says nothing: `getPoolsPoolTargets`. */
function operationId({ method, path }: Described): string {
  const words = path
    .replace("/v1/", "")
    .split(/[^A-Za-z]+/)
    .filter(Boolean);
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  pool: "The pool's name.",
  id: "A target's name without its pool, or a connection's id; percent-encoded where it has other signs than letters, digits and `-._~:`.",
};

function pathParameters({ path }: Described): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: PATH_PARAMETERS[name],
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: Described, schemas: Schemas): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, schemas) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}
