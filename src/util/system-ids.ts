/** Users and groups of this system by name, as /etc/passwd and /etc/group have them: there is no call for it that every runtime has. */
import { readFileSync } from "node:fs";
import { codeOf, isAbsence } from "./errors.ts";

const FILES = { user: "/etc/passwd", group: "/etc/group" } as const;
/** Beyond it are numbers that stand for "none" (−1 as 32 bits). */
const LARGEST_ID = 0xffff_fffe;

/** Throws Error, whose message says what is wrong with the name. A number names itself, whether or not anybody has it. */
export function systemId(kind: keyof typeof FILES, name: string): number {
  if (/^\d+$/.test(name)) {
    const id = Number(name);
    if (id > LARGEST_ID) throw new Error(`${name} is no ${kind} id: 0 to ${LARGEST_ID} are`);
    return id;
  }
  const file = FILES[kind];
  const id = idIn(textOf(file), name);
  if (id === null) throw new Error(`there is no ${kind} "${name}" in ${file}: its number is taken, too`);
  return id;
}

/** Both files have the name first, and the number third. */
export function idIn(text: string, name: string): number | null {
  for (const line of text.split("\n")) {
    const [named, , id = ""] = line.split(":");
    if (named === name && /^\d+$/.test(id)) return Number(id);
  }
  return null;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isAbsence(error)) return "";
    throw new Error(`${file} cannot be read (${codeOf(error)}): give a number`, { cause: error });
  }
}
