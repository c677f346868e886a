/** A validator for the part of JSON Schema that ours are written in. A word that it does not know is an error. */

export type Schema = Readonly<Record<string, unknown>>;

/** What says nothing of a value. */
const NOTES = ["$schema", "title", "description"];
/** Where an OpenAPI description has the schemas that others refer to. */
const COMPONENTS = "#/components/schemas/";

/** What is wrong with the value, each with its path; none if it is valid. `named`: those that may be referred to. */
export function violations(
  schema: Schema,
  value: unknown,
  path = "$",
  named: Readonly<Record<string, Schema>> = {},
): string[] {
  return Object.entries(schema).flatMap(([word, rule]) => {
    if (NOTES.includes(word)) return [];
    const check = WORDS[word];
    if (check === undefined) throw new Error(`the schema has a word that nobody checks: ${word}`);
    return check(rule as never, value, path, schema, named);
  });
}

type Check = (
  rule: never,
  value: unknown,
  path: string,
  schema: Schema,
  named: Readonly<Record<string, Schema>>,
) => string[];

const WORDS: Readonly<Record<string, Check>> = {
  type: (rule: string | readonly string[], value, path) =>
    [rule].flat().includes(typeOf(value)) || (typeOf(value) === "integer" && [rule].flat().includes("number"))
      ? []
      : [`${path}: ${typeOf(value)} instead of ${[rule].flat().join(" or ")}`],
  $ref: (rule: string, value, path, _, named) => {
    const schema = rule.startsWith(COMPONENTS) ? named[rule.slice(COMPONENTS.length)] : undefined;
    if (schema === undefined) throw new Error(`nothing is called ${rule}`);
    return violations(schema, value, path, named);
  },
  // The pattern beside it is stricter.
  format: (rule: string, value, path) =>
    typeof value !== "string" || rule !== "date-time" || !Number.isNaN(Date.parse(value))
      ? []
      : [`${path}: no ${rule}`],
  enum: (rule: readonly unknown[], value, path) =>
    rule.includes(value) ? [] : [`${path}: none of ${rule.join(", ")}`],
  const: (rule: unknown, value, path) => (rule === value ? [] : [`${path}: not ${String(rule)}`]),
  pattern: (rule: string, value, path) =>
    typeof value !== "string" || new RegExp(rule).test(value) ? [] : [`${path}: does not match ${rule}`],
  maxLength: (rule: number, value, path) =>
    typeof value !== "string" || value.length <= rule ? [] : [`${path}: longer than ${rule}`],
  minLength: (rule: number, value, path) =>
    typeof value !== "string" || value.length >= rule ? [] : [`${path}: shorter than ${rule}`],
  minimum: (rule: number, value, path) =>
    typeof value !== "number" || value >= rule ? [] : [`${path}: below ${rule}`],
  maximum: (rule: number, value, path) =>
    typeof value !== "number" || value <= rule ? [] : [`${path}: above ${rule}`],
  minItems: (rule: number, value, path) =>
    !Array.isArray(value) || value.length >= rule ? [] : [`${path}: fewer than ${rule}`],
  maxItems: (rule: number, value, path) =>
    !Array.isArray(value) || value.length <= rule ? [] : [`${path}: more than ${rule}`],
  items: (rule: Schema, value, path, _, named) =>
    Array.isArray(value) ? value.flatMap((item, index) => violations(rule, item, `${path}[${index}]`, named)) : [],
  required: (rule: readonly string[], value, path) =>
    entriesOf(value).length === 0 && typeOf(value) !== "object"
      ? []
      : rule.filter((name) => !Object.hasOwn(value as object, name)).map((name) => `${path}: ${name} is missing`),
  properties: (rule: Readonly<Record<string, Schema>>, value, path, _, named) =>
    entriesOf(value).flatMap(([name, each]) =>
      Object.hasOwn(rule, name) ? violations(rule[name]!, each, `${path}.${name}`, named) : [],
    ),
  additionalProperties: (rule: false | Schema, value, path, { properties = {} }, named) =>
    entriesOf(value).flatMap(([name, each]) => {
      if (Object.hasOwn(properties as object, name)) return [];
      return rule === false ? [`${path}: ${name} is not known`] : violations(rule, each, `${path}.${name}`, named);
    }),
  propertyNames: (rule: Schema, value, path, _, named) =>
    entriesOf(value).flatMap(([name]) => violations(rule, name, `${path}.${name}`, named)),
  anyOf: (rule: readonly Schema[], value, path, _, named) => {
    const all = rule.map((each) => violations(each, value, path, named));
    return all.some((found) => found.length === 0) ? [] : [`${path}: none of: ${all.flat().join(" | ")}`];
  },
};

function entriesOf(value: unknown): [string, unknown][] {
  return typeOf(value) === "object" ? Object.entries(value as object) : [];
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return Number.isInteger(value) ? "integer" : typeof value;
}
