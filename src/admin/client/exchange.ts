/** One request to an API, and its answer as it comes: over a Unix socket, or over TCP with a token. */
import { type IncomingMessage, request as overHttp, type RequestOptions } from "node:http";
import { request as overHttps } from "node:https";

/** Where an API is. */
export type ApiPlace = SocketPlace | UrlPlace;

export interface SocketPlace {
  readonly socket: string;
}

export interface UrlPlace {
  /** With its scheme, `http` or `https`. */
  readonly url: string;
  readonly token: string;
  /** PEM: who may have signed its certificate. null: whom the system trusts. */
  readonly ca: string | null;
}

export interface Question {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** ms without a byte from the balancer: it answers once what was asked is done, which takes as long as binding ports does. */
const PATIENCE_MS = 60_000;
/** Bytes. What a balancer says of ten thousand targets is a tenth of that. */
const LONGEST_ANSWER = 128 * 1024 * 1024;

export function placeText(place: ApiPlace): string {
  return "socket" in place ? place.socket : place.url;
}

/** Its head has come. The receiver reads or destroys it. Rejects with the system's error. */
export function begin(place: ApiPlace, question: Question, signal?: AbortSignal): Promise<IncomingMessage> {
  const text = question.body === undefined ? "" : JSON.stringify(question.body);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const asked = requestTo(place, optionsOf(question, text), resolve);
    asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error(`nothing for ${PATIENCE_MS / 1000} s`)));
    asked.on("error", reject);
    signal?.addEventListener("abort", () => asked.destroy(signal.reason as Error), { once: true });
    asked.end(text);
  });
}

function optionsOf({ method, path, body, headers }: Question, text: string): RequestOptions {
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) };
  const type = body === undefined ? {} : { "content-type": "application/json" };
  return { method, path, agent: false, headers: { ...type, ...length, ...headers } };
}

function requestTo(place: ApiPlace, options: RequestOptions, onAnswer: (answer: IncomingMessage) => void) {
  if ("socket" in place) return overHttp({ ...options, socketPath: place.socket }, onAnswer);
  const { protocol, hostname, port, pathname } = new URL(place.url);
  const to: RequestOptions = {
    ...options,
    host: hostname.replace(/^\[|\]$/g, ""),
    path: pathname.replace(/\/$/, "") + options.path,
    headers: { ...options.headers, authorization: `Bearer ${place.token}` },
    ...(port !== "" && { port }),
  };
  if (protocol === "http:") return overHttp(to, onAnswer);
  return overHttps({ ...to, ...(place.ca !== null && { ca: place.ca }) }, onAnswer);
}

/** The whole of an answer as text. Rejects when the connection is lost before its end. */
export async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_ANSWER) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
