/** Changes of a key file's text, a line at a time: remarks, order, and all other lines stay as they are. Pure. */
import { parseKeyFile, parseKeyLine } from "./key.ts";
import { badLine, isRemark } from "./lines.ts";
import { isTokenLine, parseTokenLine, parseTokens } from "./token.ts";

/** What a line is: a key or a token, by its name. */
interface Named {
  readonly kind: "key" | "token";
  readonly name: string;
}

/** With that line at its end. Throws `BAD_KEY` where the name is taken, or the file is wrong already. */
export function withLine(text: string, line: string, file: string): string {
  const before = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  const after = `${before}${line}\n`;
  const { kind, name } = namedBy(line, file);
  if (names(before, file).some((other) => other.kind === kind && other.name === name))
    throw badLine(file, `there is a ${kind} "${name}" already: revoke that one first, or choose another name`);
  return after;
}

/** Without the key or the token of that name. Null: there is none. Throws `BAD_KEY` where the file is wrong. */
export function withoutLine(text: string, { kind, name }: Named, file: string): string | null {
  if (!names(text, file).some((other) => other.kind === kind && other.name === name)) return null;
  const isIt = (line: string) => {
    const found = isRemark(line) ? null : namedBy(line, file);
    return found?.kind === kind && found.name === name;
  };
  return text
    .split("\n")
    .filter((line) => !isIt(line))
    .join("\n");
}

/** All that the file has. Throws `BAD_KEY`. */
function names(text: string, file: string): Named[] {
  return [
    ...parseKeyFile(text, file).map(({ id }): Named => ({ kind: "key", name: id })),
    ...parseTokens(text, file).map(({ name }): Named => ({ kind: "token", name })),
  ];
}

function namedBy(line: string, where: string): Named {
  if (isTokenLine(line)) return { kind: "token", name: parseTokenLine(line, where).name };
  return { kind: "key", name: parseKeyLine(line, where).id };
}
