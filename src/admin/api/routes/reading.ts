/** What can be read. */
import * as z from "zod/mini";
import type { GroupTargetFilter } from "../../face.ts";
import { eventStream } from "../event-stream.ts";
import { route } from "../route.ts";
import { count, LARGEST_PAGE, listOf, ms, pageOf, said } from "../schemas/common.ts";
import { CONNECTION_SORTS, type ConnectionFilter, connection } from "../schemas/connections.ts";
import { group, groupTargets } from "../schemas/group.ts";
import { event, key, reporter } from "../schemas/people.ts";
import { history, listener, pool } from "../schemas/pools.ts";
import { me, status } from "../schemas/status.ts";
import { binding, target } from "../schemas/targets.ts";
import { poolNamed } from "./pool-named.ts";

const USUAL_PAGE = 100;
/** Of a sorted list all that come before the page are held while it is looked for: no reader has the balancer hold more. */
const DEEPEST_PAGE = 10_000;

const limit = z.optional(
  said(`The most items of the answer, ${USUAL_PAGE} by default.`, z.int().check(z.minimum(1), z.maximum(LARGEST_PAGE))),
);
const LEFT_OUT = "Items to leave out, 0 by default.";
const offset = z.optional(said(LEFT_OUT, count()));
const sortedOffset = z.optional(said(LEFT_OUT, z.int().check(z.minimum(0), z.maximum(DEEPEST_PAGE))));

const ofPool = z.optional(said("Of that pool alone.", z.string()));
const ofTarget = z.optional(said("Of that target alone: `pool/id`.", z.string()));
const ofClient = z.optional(said("An address or a CIDR range.", z.string()));

const connectionsQuery = z.strictObject({
  pool: ofPool,
  target: ofTarget,
  client: ofClient,
  phase: z.optional(connection.def.shape.phase),
  serverName: z.optional(said("Of clients that ask for that server name, in whatever case.", z.string())),
  minAge: z.optional(said("ms.", ms())),
  minIdle: z.optional(said("ms. Those that never moved a byte are idle as long as they are old.", ms())),
  sort: z.optional(said("`age` by default.", z.enum(CONNECTION_SORTS))),
  order: z.optional(said("`desc` by default: the oldest, the largest first.", z.enum(["asc", "desc"]))),
  offset: sortedOffset,
  limit,
});

const eventsQuery = z.strictObject({
  after: z.optional(said("The id of the last one that is known already.", count())),
  follow: z.optional(
    said(
      "Stays open and goes on with what happens (server-sent events; a Last-Event-ID counts as `after`).",
      z.boolean(),
    ),
  ),
});

export const reading = [
  route({
    method: "GET",
    path: "/v1/me",
    right: "read",
    summary: "Who asks, and what he may do.",
    answer: me,
    run: ({ asker: { name, right, pool } }) => ({ name, right, pool }),
  }),
  route({
    method: "GET",
    path: "/v1/status",
    right: "read",
    summary: "The balancer as a whole.",
    answer: status,
    run: ({ operated }) => operated.status(),
  }),
  route({
    method: "GET",
    path: "/v1/pools",
    right: "read",
    summary: "All pools.",
    answer: listOf(pool),
    run: async ({ operated }) => ({ items: await operated.pools() }),
  }),
  route({
    method: "GET",
    path: "/v1/pools/{pool}",
    right: "read",
    summary: "One pool.",
    answer: pool,
    run: ({ operated, path }) => poolNamed(operated, path.pool!),
  }),
  route({
    method: "GET",
    path: "/v1/pools/{pool}/targets",
    right: "read",
    summary: "A pool's targets.",
    answer: listOf(target),
    run: async ({ operated, path }) => ({ items: await operated.targets(path.pool!) }),
  }),
  route({
    method: "GET",
    path: "/v1/pools/{pool}/targets/{id}",
    right: "read",
    summary: "One target, with every word that counts about it.",
    answer: target,
    run: ({ operated, path }) => operated.target(path.pool!, path.id!),
  }),
  route({
    method: "GET",
    path: "/v1/targets",
    right: "read",
    summary: "All targets.",
    query: z.strictObject({ pool: ofPool }),
    answer: listOf(target),
    run: async ({ operated, query }) => ({ items: await operated.targets(query.pool) }),
  }),
  route({
    method: "GET",
    path: "/v1/connections",
    right: "read",
    summary: "Connections that are open now. What is not filtered by counts.",
    query: connectionsQuery,
    answer: pageOf(connection),
    run({ operated, query: { sort = "age", order = "desc", offset: from = 0, limit: most = USUAL_PAGE, ...filter } }) {
      return operated.connections(filter as ConnectionFilter, sort, order === "asc", { offset: from, limit: most });
    },
  }),
  route({
    method: "GET",
    path: "/v1/bindings",
    right: "read",
    summary: "Sticky bindings: which client's address has which target.",
    query: z.strictObject({ pool: ofPool, client: ofClient, offset, limit }),
    answer: pageOf(binding),
    run({ operated, query: { offset: from = 0, limit: most = USUAL_PAGE, ...filter } }) {
      return operated.bindings(filter as { pool?: string; client?: string }, { offset: from, limit: most });
    },
  }),
  route({
    method: "GET",
    path: "/v1/listeners",
    right: "read",
    summary: "Where clients come.",
    answer: listOf(listener),
    run: ({ operated }) => ({ items: operated.listeners() }),
  }),
  route({
    method: "GET",
    path: "/v1/reporters",
    right: "read",
    summary: "Reporters that are connected.",
    answer: listOf(reporter),
    run: ({ operated }) => ({ items: operated.reporters() }),
  }),
  route({
    method: "GET",
    path: "/v1/keys",
    right: "read",
    summary: "Keys and tokens by their names, with what they allow. No secret is among it.",
    answer: listOf(key),
    run: ({ operated }) => ({ items: operated.keys() }),
  }),
  route({
    method: "GET",
    path: "/v1/group",
    right: "read",
    summary: "The balancers that are one service with this one, or `null`: it is in no group.",
    answer: z.nullable(group),
    run: ({ operated }) => operated.group(),
  }),
  route({
    method: "GET",
    path: "/v1/group/targets",
    right: "read",
    summary:
      "Targets, each once, with its connections at each balancer of the group, or `null`: it is in none. Balancers are asked when somebody asks here, and have a second to answer.",
    query: z.strictObject({ pool: ofPool, target: ofTarget, offset, limit }),
    answer: z.nullable(groupTargets),
    run({ operated, query: { offset: from = 0, limit: most = USUAL_PAGE, ...filter } }) {
      return operated.groupTargets(filter as GroupTargetFilter, { offset: from, limit: most });
    },
  }),
  route({
    method: "GET",
    path: "/v1/events",
    right: "read",
    summary: "The last 1,000 events, the oldest first; or those that come, as they come.",
    query: eventsQuery,
    answer: listOf(event),
    stream: { type: "text/event-stream", item: event },
    run({ operated, query: { after = 0, follow = false }, request }) {
      return follow ? eventStream(operated, after, request) : { items: operated.events(after) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/history/{pool}",
    right: "read",
    summary: "A pool's last hour.",
    answer: history,
    run: ({ operated, path }) => operated.history(path.pool!),
  }),
  route({
    method: "GET",
    path: "/v1/document",
    right: "read",
    summary: "The settings in force, completed, without secrets.",
    answer: z.record(z.string(), z.unknown()),
    run: ({ operated }) => operated.document(),
  }),
];
