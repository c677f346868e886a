/**
 * JSON Schemas of both programs' files, from the tables that describe their options: `make docs` writes them to docs/, and editors
 * complete and check by them.
 */
import { balancerOptions } from "../src/config/balancer-options.ts";
import { listenerSection, poolSection } from "../src/config/document/section-options.ts";
import type { Schema } from "../src/config/kind.ts";
import { spell } from "../src/config/names.ts";
import { type AnyOption, isIn, mayBeEmpty, type OptionTable } from "../src/config/option.ts";
import { reporterOptions } from "../src/config/reporter-options.ts";
import { routeOptions } from "../src/config/route-options.ts";
import { targetOptions } from "../src/config/target-options.ts";
import { NAME } from "../src/control/protocol/schema.ts";

/** The one that editors know best. */
const DRAFT = "http://json-schema.org/draft-07/schema#";
const NAMES: Schema = { pattern: NAME.source };

const include: Schema = {
  description: "Files that belong to this one, relative to it. * and ? stand for parts of a file's name.",
  ...oneOrMore({ type: "string", minLength: 1 }),
};

const routes: Schema = {
  description:
    "Which pools serve the clients of this listener: one for all, or several by what their TLS hellos ask for.",
  type: "array",
  minItems: 1,
  items: closed({ ...propertiesOf(routeOptions), pool: { type: "string", ...NAMES } }, ["pool"]),
};

export const balancerSchema: Schema = {
  $schema: DRAFT,
  title: "harmony-balancer",
  description: "The file of harmony-balancer: the process, defaults of all pools, pools and listeners.",
  ...closed({
    ...propertiesOf(balancerOptions),
    include,
    pool: sectionsOf("Pools by their names.", closed(propertiesOf(poolSection))),
    listener: sectionsOf(
      "Listeners by their names. Each pool with a listen of its own has one already.",
      closed({ ...propertiesOf(listenerSection), routes }, ["listen", "routes"]),
    ),
  }),
};

export const reporterSchema: Schema = {
  $schema: DRAFT,
  title: "harmony-reporter",
  description: "The file of harmony-reporter.",
  ...closed({
    ...propertiesOf(reporterOptions),
    target: {
      description: "Targets, where there are several. What one does not say itself, the top level says for all.",
      type: "array",
      minItems: 1,
      items: closed(propertiesOf(targetOptions)),
    },
  }),
};

function propertiesOf(table: OptionTable): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, spec]) =>
      isIn(spec, "file") ? [name, ...spec.aliases].map((each) => [spell(each, "file"), optionSchema(spec)]) : [],
    ),
  );
}

function optionSchema(spec: AnyOption): Schema {
  const { doc, kind, entry } = spec;
  const { schema = { type: "string" } } = kind;
  const fields =
    entry &&
    closed(
      propertiesOf(entry.options),
      entry.required.map((name) => spell(name, "file")),
    );
  const item = fields ? { anyOf: [schema, fields] } : schema;
  if (entry && kind.list) return { description: doc, type: "array", items: item };
  return { description: doc, ...(kind.list ? oneOrMore(item, mayBeEmpty(spec) ? 0 : 1) : item) };
}

function oneOrMore(item: Schema, minItems = 1): Schema {
  return { anyOf: [item, { type: "array", minItems, items: item }] };
}

function closed(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, required, additionalProperties: false };
}

function sectionsOf(description: string, section: Schema): Schema {
  return { description, type: "object", propertyNames: NAMES, additionalProperties: section };
}
