/** What came with a request, judged by its route's schemas. All that is wrong is said at once. */
import * as z from "zod/mini";
import { badRequest } from "./problem.ts";

/** The parameters after the `?`; each at most once. Throws `BAD_REQUEST`. */
export function judgeQuery<Q extends z.ZodMiniObject>(schema: Q | undefined, given: URLSearchParams): z.infer<Q> {
  const shape = new Map(Object.entries(schema?.def.shape ?? {}));
  const values: Record<string, unknown> = {};
  for (const [name, text] of given) {
    if (Object.hasOwn(values, name)) throw badRequest(`parameter "${name}" is given twice`);
    Object.defineProperty(values, name, { value: readAs(shape.get(name), text), enumerable: true });
  }
  return judge(schema ?? NOTHING, values, "parameter") as z.infer<Q>;
}

/** Throws `BAD_REQUEST`. `text`: as it came; nothing is an empty object. */
export function judgeJson<B extends z.ZodMiniType>(schema: B, text: string): z.infer<B> {
  return judge(schema, text.trim() === "" ? {} : json(text), "field");
}

/** Of what takes nothing. */
export const NOTHING = z.strictObject({});

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("the body is not JSON");
  }
}

/** A parameter is a text: one that is to be a number or a yes is read as such. */
function readAs(schema: z.core.$ZodType | undefined, text: string): unknown {
  const kind = kindOf(schema);
  if (kind === "number" && /^-?\d{1,15}(\.\d{1,6})?$/.test(text)) return Number(text);
  if (kind === "boolean" && (text === "" || text === "true")) return true;
  if (kind === "boolean" && text === "false") return false;
  return text;
}

function kindOf(schema: z.core.$ZodType | undefined): string | undefined {
  if (schema instanceof z.ZodMiniOptional) return kindOf(schema.def.innerType);
  return schema?._zod.def.type;
}

function judge<S extends z.ZodMiniType>(schema: S, value: unknown, word: "field" | "parameter"): z.infer<S> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data as z.infer<S>;
  const all = error!.issues.map((issue) => wordsOf(issue, schema, value, word));
  throw badRequest(all.length === 1 ? all[0]! : `${all.length} problems: ${all.join("; ")}`);
}

type Issue = z.core.$ZodIssue;

function wordsOf(issue: Issue, schema: z.ZodMiniType, value: unknown, word: string): string {
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const known = schema instanceof z.ZodMiniObject ? Object.keys(schema.def.shape) : [];
    const there = known.length === 0 ? "it takes none" : `there are ${known.join(", ")}`;
    return `there is no ${word} ${issue.keys.map((key) => `"${shortened(key)}"`).join(", ")}: ${there}`;
  }
  if (path === "") return `the body is ${expected(issue)}`;
  return at(value, issue.path) === undefined ? `${word} "${path}" is missing` : `"${path}" is ${expected(issue)}`;
}

function expected(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `to be ${TYPES[issue.expected] ?? `a ${issue.expected}`}`;
    case "too_small":
      return issue.origin === "string" ? "too short" : `too small: ${issue.minimum} or more`;
    case "too_big":
      return issue.origin === "string"
        ? `too long: up to ${issue.maximum} characters`
        : `too large: up to ${issue.maximum}`;
    case "invalid_value":
      return `to be one of ${issue.values.join(", ")}`;
    default:
      return "not what it has to be";
  }
}

const TYPES: Readonly<Record<string, string>> = {
  int: "a whole number",
  object: "an object",
  array: "a list",
  boolean: "true or false",
};

/** A name that came from a stranger. */
function shortened(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
