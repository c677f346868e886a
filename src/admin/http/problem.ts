/** What is answered where something is wrong. */
import type { Problem } from "../api/schemas/common.ts";

export type ProblemDetails = Problem["error"];

export function problem(
  status: number,
  error: ProblemDetails,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body: Problem = { error };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}
