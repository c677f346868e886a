/** Questions to a balancer's API: the first place where one listens is asked, and from then on that one. */
import type { IncomingMessage } from "node:http";
import { userName } from "../control/keys/key-places.ts";
import { codeOf, type Fault, HarmonyError, messageOf } from "../util/errors.ts";
import type { Problem } from "./api/schemas/common.ts";
import type { Event } from "./api/schemas/people.ts";
import { type ApiPlace, begin, placeText, type Question, textOf } from "./client/exchange.ts";
import { EventStream } from "./shared/event-stream.ts";

/** Codes that say that nobody is there, so that the next place may be tried; with what a user can make of them. */
const NOBODY: Readonly<Record<string, string>> = {
  ENOENT: "no such socket",
  ENOTDIR: "no such socket",
  ECONNREFUSED: "nobody listens there",
  FailedToOpenSocket: "no such socket, or nobody listens there", // Bun's
};

/** Who is asked, for what is said where nobody answers. */
export interface Whom {
  readonly noun: string;
  readonly code: string;
  /** What to look for. */
  readonly search: string;
}

const BALANCER: Whom = {
  noun: "balancer",
  code: "NO_BALANCER",
  search:
    "Does it run on this machine, with an API (--api), and as this user? Say where with --api unix:PATH, or --api URL and --token-file",
};

export class ApiClient {
  readonly #places: readonly ApiPlace[];
  readonly #whom: Whom;
  #found: ApiPlace | null = null;

  constructor(places: readonly ApiPlace[], whom = BALANCER) {
    this.#places = places;
    this.#whom = whom;
  }

  /** Where the balancer answered. */
  get at(): string {
    return this.#found === null ? "" : placeText(this.#found);
  }

  /** Rejects with HarmonyError: nobody listens, or what was asked is refused. */
  async ask<T = unknown>(question: Question): Promise<T> {
    const answer = await this.#begin(question);
    const text = await textOf(answer).catch((error: unknown) => {
      throw this.#unanswered(error);
    });
    try {
      return (text === "" ? null : JSON.parse(text)) as T;
    } catch (error) {
      throw this.#unanswered(error);
    }
  }

  get<T>(path: string, query: Readonly<Record<string, string | number | null | undefined>> = {}): Promise<T> {
    return this.ask<T>({ method: "GET", path: withQuery(path, query) });
  }

  /** Events as they happen, those that are kept after that one first. It ends with HarmonyError when the balancer is gone. */
  async *follow(after: number, signal?: AbortSignal): AsyncGenerator<Event> {
    const headers = { accept: "text/event-stream", "last-event-id": String(after) };
    const answer = await this.#begin({ method: "GET", path: "/v1/events?follow=true", headers }, signal);
    const stream = new EventStream();
    const decoder = new TextDecoder();
    try {
      for await (const chunk of answer as AsyncIterable<Uint8Array>) {
        for (const data of stream.push(decoder.decode(chunk, { stream: true }))) yield JSON.parse(data) as Event;
      }
    } catch (error) {
      throw this.#unanswered(error);
    } finally {
      answer.destroy();
    }
    throw this.#unanswered(new Error("it has ended the stream of events"));
  }

  /** An answer that says yes: its body has yet to be read. */
  async #begin(question: Question, signal?: AbortSignal): Promise<IncomingMessage> {
    const tried: Tried[] = [];
    for (const place of this.#found === null ? this.#places : [this.#found]) {
      try {
        const answer = await begin(place, question, signal);
        this.#found = place;
        const { statusCode: status = 0 } = answer;
        if (status < 200 || status >= 300) throw refusal(status, await textOf(answer));
        return answer;
      } catch (error) {
        const code = codeOf(error) ?? "";
        if (error instanceof HarmonyError) throw error;
        if (code !== "EACCES" && !Object.hasOwn(NOBODY, code)) throw this.#unanswered(error, place);
        tried.push({ place, code });
      }
    }
    throw nobody(tried, this.#whom);
  }

  #unanswered(error: unknown, place = this.#found): HarmonyError {
    const where = place === null ? "" : ` at ${placeText(place)}`;
    return new HarmonyError("NO_ANSWER", `the ${this.#whom.noun}${where} gave no answer: ${messageOf(error)}`, {
      fault: "balancer",
      retry: true,
      cause: error,
    });
  }
}

interface Tried {
  readonly place: ApiPlace;
  readonly code: string;
}

function nobody(tried: readonly Tried[], { noun, code, search }: Whom): HarmonyError {
  const isForbidden = tried.some((each) => each.code === "EACCES");
  const places = tried.map((each) => {
    const why = each.code === "EACCES" ? `${userName()} may not use it` : NOBODY[each.code];
    return `${placeText(each.place)} (${why})`;
  });
  const where = places.length === 0 ? "there is no place for its socket on this system" : places.join(", ");
  const isRemote = tried.length > 0 && tried.every(({ place }) => "url" in place);
  const isThere = isRemote ? "Does it run there, with --api at this address, and is the way to it open?" : search;
  const todo = isForbidden ? `Run this as the user that the ${noun} runs as, or as root (sudo)` : isThere;
  const message = `no ${noun} answers: ${where}. ${todo}`;
  return new HarmonyError(isForbidden ? "NO_PERMISSION" : code, message, { fault: "balancer", retry: !isForbidden });
}

const FAULTS: Readonly<Record<string, Fault>> = { client: "config", config: "config", target: "target" };

function refusal(status: number, text: string): HarmonyError {
  const { error } = problemOf(text);
  const message =
    error?.message ?? `it answers with status ${status}, which no balancer does: is that the right address?`;
  const fault = FAULTS[error?.fault ?? ""] ?? (status >= 500 ? "balancer" : "config");
  return new HarmonyError(error?.code ?? "REFUSED", message, { fault, retry: error?.retry ?? false });
}

function problemOf(text: string): Partial<Problem> {
  try {
    return (JSON.parse(text) ?? {}) as Partial<Problem>;
  } catch {
    return {}; // what answers is something else, as refusal() says
  }
}

export function withQuery(path: string, query: Readonly<Record<string, string | number | null | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)] as [string, string])).toString();
  return text === "" ? path : `${path}?${text}`;
}

/** One question to the balancer of this machine. */
export function ask(sockets: readonly string[], question: Question): Promise<unknown> {
  return new ApiClient(sockets.map((socket) => ({ socket }))).ask(question);
}
