/** Answers against the OpenAPI description that the API gives of itself. */
import { type Schema, violations } from "../../support/json-schema.ts";

export interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

/** What is wrong with an answer to `path` as the description spells it; none if it is as described. */
export function answerViolations(
  description: Description,
  method: string,
  path: string,
  status: number,
  body: unknown,
  type = "application/json",
): string[] {
  const { responses } = description.paths[path]![method.toLowerCase()]!;
  const { content } = responses[status] ?? responses.default!;
  return violations(content[type]!.schema, body, "$", description.components.schemas);
}
