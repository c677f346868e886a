/** The changes that are tried on a source file: each is a small mistake that a person could make. */
import ts from "typescript-5.9";

export interface Mutant {
  /** Where in the text the changed part begins and ends. */
  readonly from: number;
  readonly to: number;
  readonly replacement: string;
  readonly line: number;
}

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
  "&": ["|"],
  "|": ["&"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "+=": ["-="],
  "-=": ["+="],
  "|=": ["&="],
  "&=": ["|="],
};
const METHODS: Readonly<Record<string, string>> = {
  min: "max",
  max: "min",
  some: "every",
  every: "some",
  startsWith: "endsWith",
  endsWith: "startsWith",
};

/** Decimal numbers from here on are amounts (ms, bytes, rounds): one more of them is no mistake. */
const LEAST_AMOUNT = 100;

/**
 * In the order of the text. Strings are left alone, and what is put into those that hold a space: most are messages, whose
 * wording is no behaviour.
 */
export function mutantsOf(text: string): Mutant[] {
  const file = ts.createSourceFile("mutated.ts", text, ts.ScriptTarget.ES2022, true);
  const found: Mutant[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (isMessage(node)) return;
    for (const [part, replacement] of changesOf(node)) {
      const from = part.getStart(file);
      const line = file.getLineAndCharacterOfPosition(from).line + 1;
      found.push({ from, to: part.end, replacement, line });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found.sort((a, b) => a.from - b.from || a.to - b.to);
}

export function mutated(text: string, { from, to, replacement }: Mutant): string {
  return text.slice(0, from) + replacement + text.slice(to);
}

type Change = readonly [part: ts.Node, replacement: string];

function changesOf(node: ts.Node): Change[] {
  if (ts.isBinaryExpression(node)) {
    const operator = node.operatorToken.getText();
    if (operator === "??") return [[node, `(${node.left.getText()})`]];
    return (OPERATORS[operator] ?? []).map((other) => [node.operatorToken, other]);
  }
  if (ts.isIfStatement(node)) return forced(node.expression);
  if (ts.isConditionalExpression(node)) return forced(node.condition);
  if (ts.isWhileStatement(node)) return [[node.expression, "false"]];
  if (ts.isPrefixUnaryExpression(node)) return changesOfPrefix(node);
  if (ts.isPostfixUnaryExpression(node)) {
    return [[node, node.operand.getText() + (node.operator === ts.SyntaxKind.PlusPlusToken ? "--" : "++")]];
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [[node, "false"]];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [[node, "true"]];
  if (ts.isNumericLiteral(node)) return isAmount(node) ? [] : [[node, `(${node.getText()} + 1)`]];
  if (ts.isPropertyAccessExpression(node) && ts.isCallExpression(node.parent)) return changesOfMethod(node);
  return isRemovable(node) ? [[node, ";"]] : [];
}

function isMessage(node: ts.Node): boolean {
  if (!ts.isTemplateExpression(node)) return false;
  return [node.head, ...node.templateSpans.map(({ literal }) => literal)].some(({ text }) => text.includes(" "));
}

function isAmount(node: ts.NumericLiteral): boolean {
  const decimal = !/^0[xob]/i.test(node.getText());
  return ts.isPropertyAssignment(node.parent) || (decimal && Number(node.text) >= LEAST_AMOUNT);
}

function forced(condition: ts.Expression): Change[] {
  return [
    [condition, "true"],
    [condition, "false"],
  ];
}

function changesOfPrefix(node: ts.PrefixUnaryExpression): Change[] {
  const operand = node.operand.getText();
  if (node.operator === ts.SyntaxKind.PlusPlusToken) return [[node, `--${operand}`]];
  if (node.operator === ts.SyntaxKind.MinusMinusToken) return [[node, `++${operand}`]];
  return [[node, `(${operand})`]];
}

function changesOfMethod(node: ts.PropertyAccessExpression): Change[] {
  const other = METHODS[node.name.text];
  return other === undefined ? [] : [[node.name, other]];
}

/** A statement that is there for its effect alone. */
function isRemovable(node: ts.Node): boolean {
  if (ts.isBreakStatement(node)) return !ts.isCaseClause(node.parent);
  if (ts.isContinueStatement(node)) return true;
  if (ts.isReturnStatement(node)) return node.expression === undefined;
  if (!ts.isExpressionStatement(node)) return false;
  const { expression } = node;
  // A constructor needs its super().
  return !(ts.isCallExpression(expression) && expression.expression.kind === ts.SyntaxKind.SuperKeyword);
}
