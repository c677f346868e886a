/** What went wrong, as an answer. */
import { NetError } from "../../net/net-error.ts";
import { HarmonyError, messageOf } from "../../util/errors.ts";
import { problem } from "../http/problem.ts";

/** By code, where its fault alone does not tell it. */
const STATUS: Readonly<Record<string, number>> = {
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NO_ROUTE: 404,
  NO_POOL: 404,
  NO_TARGET: 404,
  NO_CONNECTION: 404,
  BAD_METHOD: 405,
  TOO_LONG: 413,
  TOO_MANY: 429,
  NOT_READY: 503,
  CLOSED: 503,
};

const BY_FAULT = { client: 400, target: 409, config: 422, balancer: 503 } as const;

export function problemAnswer(thrown: unknown, headers?: Readonly<Record<string, string>>): Response {
  const { code, message, fault, retry } = asHarmonyError(thrown);
  const status = code === INTERNAL ? 500 : (STATUS[code] ?? BY_FAULT[fault]);
  return problem(status, { code, message, fault, retry }, headers);
}

export function badRequest(message: string): HarmonyError {
  return new HarmonyError("BAD_REQUEST", message, { fault: "client" });
}

const INTERNAL = "INTERNAL";

function asHarmonyError(thrown: unknown): HarmonyError {
  if (thrown instanceof HarmonyError) return thrown;
  // What the configuration asks of the network, such as a port that is taken.
  if (thrown instanceof NetError) return new HarmonyError(thrown.code, thrown.message, { fault: "config" });
  return new HarmonyError(INTERNAL, `a fault in the balancer itself: ${messageOf(thrown)}`, { fault: "balancer" });
}
