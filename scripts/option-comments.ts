/**
 * The options in the declarations of the npm package. TypeScript derives their types from the option tables, but a mapped
 * type has no place for a comment. So each option is declared once more, with the derived type and with what its table says
 * of it, where editors look for documentation.
 */
import { balancerOptions } from "../src/config/balancer-options.ts";
import { type AnyOption, isIn, libraryDefaultText, type OptionTable } from "../src/config/option.ts";
import { reporterOptions } from "../src/config/reporter-options.ts";

const INTERFACES: Readonly<Record<string, OptionTable>> = {
  ServerOptions: balancerOptions,
  ClientOptions: reporterOptions,
};

/** The text of `index.d.ts`, with the members of both interfaces. */
export function withOptionComments(declarations: string): string {
  let text = declarations;
  for (const [name, table] of Object.entries(INTERFACES)) {
    const found = new RegExp(`(export interface ${name} extends (LibraryOptions<[^{]*>) \\{)\\s*\\}`).exec(text);
    if (found === null) throw new Error(`index.d.ts does not declare ${name} as it did`);
    const [whole, head, base] = found;
    const types = `${name}Types`;
    text = text.replace(whole, () => `${head}\n${members(table, types)}\n}\ntype ${types} = Required<${base}>;`);
  }
  return text;
}

function members(table: OptionTable, types: string): string {
  return Object.entries(table)
    .filter(([, spec]) => isIn(spec, "library"))
    .flatMap(([name, spec]) => [
      member(name, types, commentOf(spec)),
      ...spec.aliases.map((alias) => member(alias, types, `As \`${name}\`.`)),
    ])
    .join("\n");
}

/** The type says whether a number is taken, but not its unit. */
function commentOf(spec: AnyOption): string {
  const unit = spec.library.unit === undefined ? "" : ` Takes ${spec.library.words}.`;
  return `${spec.doc}${unit} Default: ${libraryDefaultText(spec)}.`;
}

function member(name: string, types: string, comment: string): string {
  return `    /** ${comment.replaceAll("*/", "*\\/")} */\n    ${name}?: ${types}["${name}"];`;
}
