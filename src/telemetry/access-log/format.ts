/** A connection as a line, with its end: `name=value` for people and grep, or one JSON object. */
import type { AccessFormat } from "../../config/access-log-options.ts";
import type { CloseRecord } from "../../proxy/record.ts";
import { ACCESS_FIELDS, type AccessField, EDGE_FIELDS } from "./fields.ts";

/** What needs no quotes. Names of targets and paths of sockets are an operator's or a reporter's choice, and must not make fields or lines. */
const PLAIN = /^[^\s"=\p{Cc}]+$/u;
/** JSON leaves these as they are, and terminals and editors may take them for the end of a line. */
const ENDS_OF_LINES = /[\u0085\u2028\u2029]/g;

export function accessLine(record: CloseRecord, format: AccessFormat): string {
  return `${format === "json" ? jsonLine(record) : textLine(record)}\n`;
}

const ALL_FIELDS = [...ACCESS_FIELDS, ...EDGE_FIELDS];

/** A listener that asks nothing has lines as short as ever. */
function fieldsOf({ facts }: CloseRecord): readonly AccessField[] {
  return facts === undefined ? ACCESS_FIELDS : ALL_FIELDS;
}

function jsonLine(record: CloseRecord): string {
  return json(Object.fromEntries(fieldsOf(record).map(({ name, of }) => [name, of(record)])));
}

function textLine(record: CloseRecord): string {
  return fieldsOf(record)
    .map(({ name, of, text }) => `${name}=${written(text?.(record) ?? of(record))}`)
    .join(" ");
}

/** What is null or empty is a dash. */
function written(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string" || value === "") return "-";
  return PLAIN.test(value) ? value : json(value);
}

/** On one line for every reader. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(ENDS_OF_LINES, escaped);
}

function escaped(end: string): string {
  return `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
