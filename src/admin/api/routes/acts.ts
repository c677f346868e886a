/** What can be done to the balancer and to connections. */
import * as z from "zod/mini";
import { HarmonyError } from "../../../util/errors.ts";
import { badRequest } from "../problem.ts";
import { type Route, route } from "../route.ts";
import { killBody, killed, logLevelBody, steps } from "../schemas/acts.ts";
import { said } from "../schemas/common.ts";
import type { ConnectionFilter } from "../schemas/connections.ts";
import { logLevel } from "../schemas/status.ts";

export const acts: readonly Route[] = [
  route({
    method: "DELETE",
    path: "/v1/connections/{id}",
    right: "act",
    summary: "Ends a connection: both ends get a reset.",
    answer: killed,
    async run({ operated, path }) {
      const count = await operated.kill({ id: path.id! });
      if (count > 0) return { killed: count };
      throw new HarmonyError("NO_CONNECTION", `no connection ${path.id} is open`, { fault: "client" });
    },
  }),
  route({
    method: "POST",
    path: "/v1/connections/kill",
    right: "act",
    summary: "Ends all connections that match all of what is given, which is one thing at least.",
    body: killBody,
    answer: killed,
    async run({ operated, body }) {
      if (Object.keys(body).length === 0)
        throw badRequest(`say which: one of ${Object.keys(killBody.def.shape).join(", ")} at least`);
      return { killed: await operated.kill(body as ConnectionFilter) };
    },
  }),
  route({
    method: "POST",
    path: "/v1/reload",
    right: "act",
    summary: "Reads the document again, and carries out what differs. One with a fault changes nothing.",
    answer: steps,
    run: ({ operated }) => operated.reload(),
  }),
  route({
    method: "POST",
    path: "/v1/compare",
    right: "act", // it reads any file that the balancer may read
    summary: "What a reload would do.",
    body: z.strictObject({
      file: z.optional(said("As if that one were the document's.", z.string().check(z.minLength(1)))),
    }),
    answer: steps,
    run: ({ operated, body }) => operated.compare(body.file ?? null),
  }),
  route({
    method: "POST",
    path: "/v1/apply",
    right: "act",
    summary: "Goes over to another document. It is in force until the next reload or restart.",
    body: z.string(),
    bodyType: "application/toml",
    answer: steps,
    run: ({ operated, body }) => operated.apply(body),
  }),
  route({
    method: "PUT",
    path: "/v1/log-level",
    right: "act",
    summary: "Logs more, or less, until that is taken back.",
    body: logLevelBody,
    answer: logLevel,
    async run({ operated, body, asker }) {
      await operated.setLogLevel(body.level, asker);
      return (await operated.status()).logLevel;
    },
  }),
];
