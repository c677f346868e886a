/** A Response as HTTP/1.1 sends it. */
import type { Head } from "./head.ts";

/** Of every answer that says nothing else: nothing is to be kept, shown within another page, or to run anything. */
const CAUTION: readonly (readonly [name: string, value: string])[] = [
  ["cache-control", "no-store"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
];

/** Where an answer goes. */
export interface Outlet {
  /** Resolves when it can have more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Aborted when nobody is there any more. */
  readonly gone: AbortSignal;
}

/** Bytes that are given to the connection at once: how far a reader has come shows after each. */
const PIECE = 64 * 1024;
/** What goes on as long as somebody reads. */
const LIVE = "text/event-stream";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  411: "Length Required",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

export const CONTINUE = ascii("HTTP/1.1 100 Continue\r\n\r\n");
const LAST_CHUNK = ascii("0\r\n\r\n");

/** What is to be known of the request that is answered; null: it could not be read. */
type Asked = Pick<Head, "method" | "chunks"> | null;

export function isLive({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith(LIVE) ?? false;
}

/**
 * Sends it whole. `isLast`: no other request is read after it. Resolves to whether the client knows where it ends, so that another
 * one may follow. Rejects with what `write` rejects with, or what the body fails with; the body is cancelled then.
 */
export async function sendAnswer(out: Outlet, response: Response, asked: Asked, isLast: boolean): Promise<boolean> {
  const { status, body } = response;
  if (body === null || asked?.method === "HEAD" || status === 204 || status === 304) {
    await body?.cancel();
    const length = body === null && status !== 204 && status !== 304 && asked?.method !== "HEAD" ? 0 : null;
    await out.write(headOf(response, { isLast, length }));
    return true;
  }
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const cancel = () => void reader.cancel().catch(() => undefined); // what made it necessary is what counts
  out.gone.addEventListener("abort", cancel);
  try {
    return await sendBody(out, response, reader, { chunks: asked?.chunks ?? false, isLast });
  } catch (error) {
    cancel();
    throw error;
  } finally {
    out.gone.removeEventListener("abort", cancel);
  }
}

async function sendBody(
  { write }: Outlet,
  response: Response,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { chunks, isLast }: { readonly chunks: boolean; readonly isLast: boolean },
): Promise<boolean> {
  // The head of a live one is not to wait for what may only happen in an hour.
  let next = isLive(response) ? null : await reader.read();
  const after = next === null || next.done ? null : await reader.read();
  if (next !== null && (next.done || after?.done)) {
    const whole = next.value ?? new Uint8Array(0);
    await write(headOf(response, { isLast, length: whole.length }));
    for (const piece of piecesOf(whole)) await write(piece);
    return true;
  }
  const ends = isLast || !chunks;
  await write(headOf(response, { isLast: ends, length: chunks ? "chunked" : null }));
  const send = chunks ? (bytes: Uint8Array) => write(chunk(bytes)) : write;
  if (next?.value) for (const piece of piecesOf(next.value)) await send(piece);
  for (next = after ?? (await reader.read()); !next.done; next = await reader.read()) {
    for (const piece of piecesOf(next.value)) await send(piece);
  }
  if (chunks) await write(LAST_CHUNK);
  return chunks;
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

function chunk(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([ascii(`${bytes.length.toString(16)}\r\n`), bytes, ascii("\r\n")]);
}

function headOf(
  { status, headers }: Response,
  { isLast, length }: { readonly isLast: boolean; readonly length: number | "chunked" | null },
): Uint8Array {
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? ""}`, `date: ${new Date().toUTCString()}`];
  for (const [name, value] of headers) if (!OWN.has(name)) lines.push(`${name}: ${value}`);
  for (const [name, value] of CAUTION) if (!headers.has(name)) lines.push(`${name}: ${value}`);
  if (length === "chunked") lines.push("transfer-encoding: chunked");
  else if (length !== null) lines.push(`content-length: ${length}`);
  if (isLast) lines.push("connection: close");
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** Fields that follow from how it is sent. */
const OWN = new Set(["connection", "content-length", "date", "transfer-encoding"]);

function ascii(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
