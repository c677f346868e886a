/** What can be done to a target: an operator's orders, and a reporter's words from whoever can speak HTTP. */
import * as z from "zod/mini";
import type { OrderWord } from "../../face.ts";
import { type Route, route } from "../route.ts";
import { orderBody, ordered, putTargetBody, weightBody } from "../schemas/acts.ts";

export const targetActs: readonly Route[] = [
  orderOf("drain", "drain", "No new connections, sticky clients included; open ones finish."),
  orderOf("maintain", "maintain", "As drain; and it counts as down, whatever else says that it is up."),
  orderOf("ready", null, "Takes back drain or maintain: what its reporter and the probes say counts again."),
  route({
    method: "PUT",
    path: "/v1/pools/{pool}/targets/{id}/weight",
    right: "act",
    summary: "Multiplies its weight, until that is taken back.",
    body: weightBody,
    answer: ordered,
    run: ({ operated, path, body, asker }) => operated.order(path.pool!, path.id!, body as OrderWord, asker),
  }),
  route({
    method: "PUT",
    path: "/v1/pools/{pool}/targets/{id}",
    right: "act",
    summary: "Registers a target, or says that it is still there: it counts for `leaseMs`, or until it is put again.",
    body: putTargetBody,
    answer: ordered,
    run: ({ operated, path, body, asker }) => operated.putTarget(path.pool!, path.id!, body, asker),
  }),
  route({
    method: "DELETE",
    path: "/v1/pools/{pool}/targets/{id}",
    right: "act",
    summary: "Takes out a target that was put: it gets no new connections, open ones finish.",
    answer: z.strictObject({}),
    async run({ operated, path, asker }) {
      await operated.deleteTarget(path.pool!, path.id!, asker);
      return {};
    },
  }),
];

function orderOf(verb: string, state: "drain" | "maintain" | null, summary: string): Route {
  return route({
    method: "POST",
    path: `/v1/pools/{pool}/targets/{id}/${verb}`,
    right: "act",
    summary,
    body: orderBody,
    answer: ordered,
    run: ({ operated, path, body, asker }) => operated.order(path.pool!, path.id!, { ...body, state }, asker),
  });
}
