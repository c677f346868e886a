/** Requests to the balancer that this page came from. */
import type { Problem } from "../../api/schemas/common.ts";

/** ms. A balancer that is there answers in a few; a reload takes as long as binding ports does. */
const PATIENCE_MS = 15_000;

/** It was refused: `message` is the balancer's own sentence. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** No answer came: the balancer, or the way to it, is gone. */
export class Lost extends Error {}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export class Api {
  readonly token: string | null;

  constructor(token: string | null) {
    this.token = token;
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#ask("GET", path + searchOf(query)) as Promise<T>;
  }

  async list<T>(path: string, query: Query = {}): Promise<readonly T[]> {
    return (await this.get<{ items: readonly T[] }>(path, query)).items;
  }

  act<T>(method: "POST" | "PUT" | "DELETE", path: string, body: unknown = {}): Promise<T> {
    return this.#ask(method, path, method === "DELETE" ? undefined : body) as Promise<T>;
  }

  /** An answer that goes on; `signal` ends it. */
  async stream(path: string, lastEvent: number | null, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { ...this.#headers(), ...(lastEvent === null ? {} : { "last-event-id": String(lastEvent) }) };
    const response = await reached(fetch(path, { headers, signal }));
    if (!response.ok || response.body === null) throw await refusal(response);
    return response.body;
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await reached(
      fetch(path, {
        method,
        headers: { ...this.#headers(), ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE_MS),
      }),
    );
    if (!response.ok) throw await refusal(response);
    return response.status === 204 ? null : reached(response.json());
  }

  #headers(): Record<string, string> {
    return this.token === null ? {} : { authorization: `Bearer ${this.token}` };
  }
}

function searchOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  return search.size === 0 ? "" : `?${search}`;
}

async function reached<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw new Lost((error as Error).name === "TimeoutError" ? `no answer for ${PATIENCE_MS / 1000} s` : "no answer");
  }
}

async function refusal(response: Response): Promise<Error> {
  const { error } = ((await response.json().catch(() => null)) ?? {}) as Partial<Problem>;
  const { code = "REFUSED", message = `the balancer answers with status ${response.status}` } = error ?? {};
  return new Refused(response.status, code, message);
}
