/**
 * The options in the declarations of the npm package. TypeScript derives their types from the option tables, but a mapped
 * type has no place for a comment. So each option is written out, with the type that was derived and with what its table says
 * of it, where editors look for documentation.
 */
import ts from "typescript-5.9";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { checkFields } from "../../src/config/check-kind.ts";
import { listenerSection, poolSection } from "../../src/config/document/section-options.ts";
import { listenerOptions } from "../../src/config/listener-options.ts";
import { type AnyOption, libraryDefaultText, type OptionTable } from "../../src/config/option.ts";
import { poolOptions } from "../../src/config/pool-options.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { routeOptions } from "../../src/config/route-options.ts";
import { wantedOptions } from "../../src/config/target-kind.ts";
import { targetOptions } from "../../src/config/target-options.ts";
import { listenerTlsFields, targetTlsFields } from "../../src/config/tls-kinds.ts";

const INTERFACES: Readonly<Record<string, OptionTable>> = {
  ServerOptions: balancerOptions,
  PoolOptions: poolSection,
  ListenerOptions: listenerSection,
  RouteOptions: routeOptions,
  ListenerTlsOptions: listenerTlsFields,
  TargetTlsOptions: targetTlsFields,
  NamedTarget: wantedOptions,
  ClientOptions: reporterOptions,
  TargetOptions: targetOptions,
  CheckOptions: checkFields,
};
/** Interfaces of values that are complete. Their durations are in ms. */
const COMPLETE: Readonly<Record<string, OptionTable>> = {
  BalancerSettings: balancerOptions,
  PoolSettings: poolOptions,
  ListenerTerms: listenerOptions,
};

/** An interface as it is written out, and what it names. */
interface Written {
  readonly text: string;
  readonly names: ReadonlySet<ts.Symbol>;
  /** What it declares itself, beside the options of its table. */
  readonly others: readonly ts.TypeElement[];
}

type IsOwn = (symbol: ts.Symbol) => boolean;

/** Null: it has no options. `isOwn`: whether it is the library that declares it. */
export function withMembers(
  declaration: ts.InterfaceDeclaration,
  checker: ts.TypeChecker,
  isOwn: IsOwn,
): Written | null {
  const name = declaration.name.text;
  const table = INTERFACES[name] ?? COMPLETE[name];
  if (table === undefined) return null;
  const isComplete = name in COMPLETE;
  const names = new Set<ts.Symbol>();
  const type = checker.getTypeAtLocation(declaration);
  const own = new Set(declaration.members.map((each) => each.name?.getText()));
  const members = spelled(table, isComplete).flatMap(([member, comment]) => {
    const property = checker.getPropertyOfType(type, member);
    if (property === undefined || own.has(member)) return []; // of another place than the library, or declared itself
    const taken = checker.getTypeOfSymbol(property);
    for (const each of namedIn(taken, checker, isOwn)) names.add(each);
    const declared = isComplete ? `readonly ${member}: ` : `${member}?: `;
    return `    /** ${comment.replaceAll("*/", "*\\/")} */\n    ${declared}${typeText(taken, checker)};`;
  });
  const comments = ts.getJSDocCommentsAndTags(declaration).map((each) => each.getText());
  const others = [...declaration.members];
  const written = others.map((each) => `    ${each.getFullText().trim()}`);
  return { text: [...comments, `interface ${name} {`, ...members, ...written, "}"].join("\n"), names, others };
}

function typeText(type: ts.Type, checker: ts.TypeChecker): string {
  const text = checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation);
  return text.replace(/ \| undefined$/, ""); // which the question mark says
}

/** Types that the text calls by name. */
function namedIn(type: ts.Type, checker: ts.TypeChecker, isOwn: IsOwn): ts.Symbol[] {
  if (type.aliasSymbol !== undefined) {
    const inside = (type.aliasTypeArguments ?? []).flatMap((each) => namedIn(each, checker, isOwn));
    return isOwn(type.aliasSymbol) ? [type.aliasSymbol, ...inside] : inside; // the language has Partial itself
  }
  if (type.isUnion()) return type.types.flatMap((each) => namedIn(each, checker, isOwn));
  if (checker.isArrayType(type)) {
    return checker.getTypeArguments(type as ts.TypeReference).flatMap((each) => namedIn(each, checker, isOwn));
  }
  return type.isClassOrInterface() && isOwn(type.symbol) ? [type.symbol] : [];
}

/** Every option and, after it, its aliases, each with what is said of it. */
function spelled(table: OptionTable, isComplete: boolean): [name: string, comment: string][] {
  return Object.entries(table).flatMap(([name, spec]): [string, string][] => [
    [name, isComplete ? valueCommentOf(spec) : commentOf(spec)],
    ...spec.aliases.map((alias): [string, string] => [alias, `As \`${name}\`.`]),
  ]);
}

function valueCommentOf({ doc, library }: AnyOption): string {
  return library.unit === undefined ? doc : `${doc} In ms.`;
}

/** The type says whether a number is taken, but not its unit. */
function commentOf(spec: AnyOption): string {
  const unit = spec.library.unit === undefined ? "" : ` Takes ${spec.library.words}.`;
  return `${spec.doc}${unit} Default: ${libraryDefaultText(spec)}.`;
}
