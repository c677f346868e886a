/**
 * The declarations of the npm package: one file, made of what the exports of `index.ts` are declared by and what those in turn
 * name. What tsc writes, a file for each source file, would bring along the types of zod, of other runtimes, and of everything
 * inside that users do not see.
 */
import { join, sep } from "node:path";
import ts from "typescript-5.9";
import { withMembers } from "./options.ts";

/** A name that the declarations take from elsewhere. */
interface Import {
  readonly name: string;
  readonly from: string;
}

/** `entry`: the `index.d.ts` that tsc wrote, with the files that it leads to beside it. */
export function bundledDeclarations(entry: string, root: string): string {
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    skipLibCheck: true,
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
  });
  return new Bundle(program, entry).text();
}

class Bundle {
  readonly #checker: ts.TypeChecker;
  readonly #entry: ts.SourceFile;
  /** Files below it are the library's own. */
  readonly #lib: string;
  readonly #names = new Map<string, ts.Symbol>();
  readonly #imports = new Map<string, Import>();
  readonly #declarations: string[] = [];

  constructor(program: ts.Program, entry: string) {
    this.#checker = program.getTypeChecker();
    this.#entry = program.getSourceFile(entry)!;
    this.#lib = entry.replaceAll(sep, "/").replace(/[^/]*$/, "");
  }

  text(): string {
    const exports = this.#checker.getExportsOfModule(this.#checker.getSymbolAtLocation(this.#entry)!);
    for (const each of exports) if (each.name !== "default") this.#add(this.#resolved(each), each.name);
    const names = exports.map((each) => this.#exportOf(each)).sort();
    return [
      this.#comment(),
      ...[...this.#imports.values()].map(importLine),
      ...this.#declarations,
      `declare const harmony: { readonly server: typeof server; readonly client: typeof client };`,
      `export { ${names.join(", ")} };\n`,
    ].join("\n");
  }

  /** A class is exported as a type alone: `server()` and `client()` make the objects. */
  #exportOf(symbol: ts.Symbol): string {
    if (symbol.name === "default") return "harmony as default";
    const isValue = this.#resolved(symbol).flags & ts.SymbolFlags.Variable;
    return isValue ? symbol.name : `type ${symbol.name}`;
  }

  /** Of the file as a whole. */
  #comment(): string {
    const [first] = ts.getLeadingCommentRanges(this.#entry.text, 0) ?? [];
    return first === undefined ? "" : this.#entry.text.slice(first.pos, first.end);
  }

  #resolved(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  /** `name`: as the library exports it, which may not be as it is declared. */
  #add(symbol: ts.Symbol, name = symbol.name): void {
    const known = this.#names.get(name);
    if (known === symbol) return;
    if (known !== undefined) throw new Error(`two declarations that users see are called ${name}: rename one`);
    this.#names.set(name, symbol);
    for (const declaration of symbol.declarations ?? []) this.#declare(declaration, symbol.name, name);
  }

  #declare(declaration: ts.Declaration, declared: string, name: string): void {
    const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    const options = ts.isInterfaceDeclaration(declaration)
      ? withMembers(declaration, this.#checker, (each) => this.#isOwn(each))
      : null;
    if (options !== null) {
      this.#declarations.push(options.text);
      for (const each of options.names) this.#add(each);
      for (const each of options.others) this.#follow(each);
      return;
    }
    const written = this.#literals(declaration) ?? this.#inferred(declaration);
    if (written !== null) {
      this.#declarations.push(`${commentsOf(declaration)}type ${name} = ${written};`);
      return;
    }
    this.#declarations.push(textOf(statement).replace(` ${declared}`, ` ${name}`));
    this.#follow(statement);
  }

  /** The texts that a type allows, which the source may derive from a list; null: it is no such type. */
  #literals(declaration: ts.Declaration): string | null {
    if (!ts.isTypeAliasDeclaration(declaration)) return null;
    const type = this.#checker.getTypeAtLocation(declaration);
    if (!type.isUnion() || !type.types.every((each) => each.isStringLiteral())) return null;
    return this.#whole(type);
  }

  /** What a schema stands for, written out: users do not see the schema; null: it is no such type. */
  #inferred(declaration: ts.Declaration): string | null {
    if (!ts.isTypeAliasDeclaration(declaration) || !declaration.type.getText().startsWith("z.infer<")) return null;
    return this.#whole(this.#checker.getTypeAtLocation(declaration));
  }

  #whole(type: ts.Type): string {
    const flags = ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation;
    return this.#checker.typeToString(type, undefined, flags);
  }

  /** Adds what is named below `node`. */
  #follow(node: ts.Node): void {
    if (ts.isConstructorDeclaration(node)) return;
    if (ts.isImportTypeNode(node)) throw new Error(`${node.getText()}: import it by a statement`);
    if (ts.isIdentifier(node)) this.#followName(node);
    ts.forEachChild(node, (child) => this.#follow(child));
  }

  #followName(node: ts.Identifier): void {
    const symbol = this.#checker.getSymbolAtLocation(node);
    if (symbol === undefined) return;
    const from = importedFrom(symbol);
    if (from !== null && !from.startsWith(".")) this.#imports.set(symbol.name, { name: symbol.name, from });
    else if (this.#isOwn(this.#resolved(symbol))) this.#add(this.#resolved(symbol));
  }

  /** Declared at the top of one of the library's files. */
  #isOwn(symbol: ts.Symbol): boolean {
    const [declaration] = symbol.declarations ?? [];
    if (!declaration?.getSourceFile().fileName.startsWith(this.#lib)) return false;
    const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    return ts.isSourceFile(statement.parent);
  }
}

function importedFrom(symbol: ts.Symbol): string | null {
  const [specifier] = symbol.declarations ?? [];
  if (specifier === undefined || !ts.isImportSpecifier(specifier)) return null;
  return (specifier.parent.parent.parent.moduleSpecifier as ts.StringLiteral).text;
}

/** Where the module's types are missing, its name is any, and what depends on it is what the library itself declares. */
function importLine({ name, from }: Import): string {
  return `// @ts-ignore: a program may have no types of Node\nimport type { ${name} } from "${from}";`;
}

/** What stands before a declaration, with the line ends. */
function commentsOf(declaration: ts.Node): string {
  const { text } = declaration.getSourceFile();
  return text.slice(declaration.getStart(undefined, true), declaration.getStart());
}

/** A statement with its comments, without `export` and without constructors. */
function textOf(statement: ts.Node): string {
  const file = statement.getSourceFile();
  const start = statement.getStart(file, true);
  const cut: [number, number][] = [];
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  for (const modifier of modifiers) {
    if (modifier.kind === ts.SyntaxKind.ExportKeyword) cut.push([modifier.getStart(file), modifier.end + 1]);
  }
  if (ts.isClassDeclaration(statement)) {
    for (const member of statement.members) {
      if (ts.isConstructorDeclaration(member)) cut.push([member.getFullStart(), member.end]);
    }
  }
  let text = "";
  let position = start;
  for (const [from, to] of cut) {
    text += file.text.slice(position, from);
    position = to;
  }
  return text + file.text.slice(position, statement.end);
}
