/**
 * The options in the declarations of the npm package. TypeScript derives their types from the option tables, but a mapped
 * type has no place for a comment. So each option is written out, with the type that was derived and with what its table says
 * of it, where editors look for documentation.
 */
import ts from "typescript-5.9";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { type AnyOption, libraryDefaultText, type OptionTable } from "../../src/config/option.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { targetOptions } from "../../src/config/target-options.ts";

const INTERFACES: Readonly<Record<string, OptionTable>> = {
  ServerOptions: balancerOptions,
  ClientOptions: reporterOptions,
  TargetOptions: targetOptions,
};

/** An interface as it is written out, and what it names. */
interface Written {
  readonly text: string;
  readonly names: ReadonlySet<ts.Symbol>;
  /** What it declares itself, beside the options of its table. */
  readonly others: readonly ts.TypeElement[];
}

/** Null: it has no options. */
export function withMembers(declaration: ts.InterfaceDeclaration, checker: ts.TypeChecker): Written | null {
  const name = declaration.name.text;
  const table = INTERFACES[name];
  if (table === undefined) return null;
  const names = new Set<ts.Symbol>();
  const type = checker.getTypeAtLocation(declaration);
  const members = spelled(table).flatMap(([member, comment]) => {
    const property = checker.getPropertyOfType(type, member);
    if (property === undefined) return []; // of another place than the library
    const taken = checker.getTypeOfSymbol(property);
    for (const each of namedIn(taken)) names.add(each);
    return `    /** ${comment.replaceAll("*/", "*\\/")} */\n    ${member}?: ${typeText(taken, checker)};`;
  });
  const own = ts.getJSDocCommentsAndTags(declaration).map((each) => each.getText());
  const others = [...declaration.members];
  const written = others.map((each) => `    ${each.getFullText().trim()}`);
  return { text: [...own, `interface ${name} {`, ...members, ...written, "}"].join("\n"), names, others };
}

function typeText(type: ts.Type, checker: ts.TypeChecker): string {
  const text = checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation);
  return text.replace(/ \| undefined$/, ""); // which the question mark says
}

/** Types that the text calls by name. */
function namedIn(type: ts.Type): ts.Symbol[] {
  if (type.aliasSymbol !== undefined) return [type.aliasSymbol];
  return type.isUnion() ? type.types.flatMap(namedIn) : [];
}

/** Every option and, after it, its aliases, each with what is said of it. */
function spelled(table: OptionTable): [name: string, comment: string][] {
  return Object.entries(table).flatMap(([name, spec]): [string, string][] => [
    [name, commentOf(spec)],
    ...spec.aliases.map((alias): [string, string] => [alias, `As \`${name}\`.`]),
  ]);
}

/** The type says whether a number is taken, but not its unit. */
function commentOf(spec: AnyOption): string {
  const unit = spec.library.unit === undefined ? "" : ` Takes ${spec.library.words}.`;
  return `${spec.doc}${unit} Default: ${libraryDefaultText(spec)}.`;
}
