/** One connection of an HTTP client, from its first request to its last. */
import { NetError } from "../../net/net-error.ts";
import type { Connection } from "../../net/runtime.ts";
import { deferred } from "../../util/deferred.ts";
import { messageOf } from "../../util/errors.ts";
import type { Stranger } from "../../util/fair-places.ts";
import { turn } from "../../util/slices.ts";
import { CONTINUE, isLive, sendAnswer } from "./answer.ts";
import { type Head, HttpFault, parseHead } from "./head.ts";
import { Intake } from "./intake.ts";
import { problem } from "./problem.ts";
import type { Peer, Site } from "./site.ts";

/** What a session waits for, each with a deadline of its own. */
export type Phase = "idle" | "head" | "body" | "write" | "farewell" | "flush";

export interface SessionHost<Asker> {
  readonly site: Site<Asker>;
  /** From now on it is waited for that; null: for nothing that the client has to do. */
  waits(session: Session<Asker>, phase: Phase | null): void;
  /** It has been admitted, and is of that group until it asks again. */
  busy(session: Session<Asker>, group: string): void;
  waiting(session: Session<Asker>): void;
  /** That status is being sent. */
  answered(status: number): void;
  /** What was asked failed in a way that is a fault of the program. */
  fault(error: unknown): void;
}

/** Bytes that are read of what is not wanted, so that its sender reads why. */
const MOST_DISCARDED = 4 * 1024 * 1024;
/** Of the fields, what is none of the site's business: its secrets, and what has been dealt with. */
const KEPT_BACK = new Set(["authorization", "connection", "content-length", "expect", "host"]);

export class Session<Asker> implements Stranger {
  readonly #host: SessionHost<Asker>;
  readonly #connection: Connection;
  readonly #intake: Intake;
  readonly #peer: Peer;
  readonly #gone = new AbortController();
  readonly #farewellOver = deferred<void>();
  #phase: Phase | null = null;

  constructor(host: SessionHost<Asker>, connection: Connection, peer: Peer) {
    this.#host = host;
    this.#connection = connection;
    this.#intake = new Intake(connection);
    this.#peer = peer;
  }

  get address(): string {
    return this.#peer.host;
  }

  /** Resolves when the connection has ended, in whatever way. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#exchange()) this.#host.waiting(this);
      await this.#farewell();
    } catch (error) {
      // A client that has gone, or that was sent away, is nothing to tell of.
      if (!(error instanceof NetError)) this.#host.fault(error);
      this.#connection.abort();
    } finally {
      this.#gone.abort();
    }
  }

  /** Its place is another's, or the client was too slow. */
  abort(): void {
    this.#gone.abort();
    this.#connection.abort();
  }

  /** No request is read any more, and what is under way is cut off behind what has been written. */
  close(): void {
    this.#gone.abort();
    this.#waits("flush");
    void this.#connection.close();
  }

  /** Its time for what it was waited for is over. */
  expire(): void {
    if (this.#phase === "farewell") this.#farewellOver.resolve();
    else if (this.#phase === "head" || this.#phase === "body") this.#sayTooLate(this.#phase);
    else this.abort();
  }

  #sayTooLate(phase: Phase): void {
    const late = problem(408, fault("BAD_REQUEST", `the ${phase} of the request took too long`));
    this.#host.answered(late.status);
    const out = { write: (bytes: Uint8Array) => this.#connection.write(bytes), gone: this.#gone.signal };
    // The read that is under way rejects when the connection is closed, and ends the session.
    void sendAnswer(out, late, null, true)
      .then(() => this.close())
      .catch(() => this.abort());
  }

  /** Whether another request may follow. */
  async #exchange(): Promise<boolean> {
    let head: Head | null = null;
    try {
      head = await this.#nextHead();
      if (head === null) return false;
      return await this.#serve(head);
    } catch (error) {
      if (!(error instanceof HttpFault)) throw error;
      const { status, message } = error;
      await this.#send(problem(status, fault("BAD_REQUEST", message)), head, true);
      return false;
    }
  }

  async #nextHead(): Promise<Head | null> {
    this.#waits("idle");
    const text = await this.#intake.head(() => this.#waits("head"));
    this.#waits(null);
    return text === null ? null : parseHead(text);
  }

  async #serve(head: Head): Promise<boolean> {
    await turn(); // so that no crowd, and no pipeline, holds clients of the pools up for longer than one request does
    if (this.#gone.signal.aborted) return false; // its place went to another meanwhile
    const url = urlOf(head);
    const admission = this.#host.site.admit(head, url, this.#peer);
    if ("response" in admission) return this.#send(admission.response, head, !head.keepAlive || head.length > 0);
    const { asker, group, longestBody } = admission;
    if (head.length > longestBody) throw new HttpFault(413, `a body may have ${longestBody} bytes here`);
    this.#host.busy(this, group);
    const body = head.length === 0 ? null : await this.#body(head);
    const response = await this.#answer(requestOf(head, url, body, this.#gone.signal), asker);
    return this.#send(response, head, !head.keepAlive);
  }

  async #body({ length, expectsContinue }: Head): Promise<Uint8Array<ArrayBuffer>> {
    this.#waits("body");
    if (expectsContinue && this.#intake.isEmpty) await this.#connection.write(CONTINUE);
    const body = await this.#intake.body(length);
    this.#waits(null);
    return body;
  }

  async #answer(request: Request, asker: Asker): Promise<Response> {
    try {
      return await this.#host.site.answer(request, asker);
    } catch (error) {
      this.#host.fault(error);
      return problem(500, {
        code: "INTERNAL",
        message: `a fault in the balancer itself: ${messageOf(error)}`,
        fault: "balancer",
        retry: false,
      });
    }
  }

  /** Whether another request may follow. */
  async #send(response: Response, head: Head | null, isLast: boolean): Promise<boolean> {
    const write = async (bytes: Uint8Array) => {
      this.#waits("write");
      await this.#connection.write(bytes);
      this.#waits(null);
    };
    this.#host.answered(response.status);
    if (isLive(response)) void this.#watch();
    return (await sendAnswer({ write, gone: this.#gone.signal }, response, head, isLast)) && !isLast;
  }

  /** Of an answer that waits for something to happen, nothing else would tell that its reader has gone. */
  async #watch(): Promise<void> {
    try {
      await this.#connection.readable();
      if (this.#connection.atEnd) this.#gone.abort();
    } catch {
      this.#gone.abort(); // whatever reads or writes next rejects with the reason
    }
  }

  /** The client is to read the last answer to its end, although it may still send: closing at once would reset the connection. */
  async #farewell(): Promise<void> {
    this.#waits("farewell");
    await this.#connection.closeWrite();
    await Promise.race([this.#intake.discard(MOST_DISCARDED), this.#farewellOver.promise]);
    this.#waits("flush");
    await this.#connection.close();
  }

  #waits(phase: Phase | null): void {
    this.#phase = phase;
    this.#host.waits(this, phase);
  }
}

function fault(code: string, message: string) {
  return { code, message, fault: "client", retry: false } as const;
}

/** Throws HttpFault. */
function urlOf({ target, fields }: Head): URL {
  const text = `http://${fields.get("host") ?? "localhost"}${target}`;
  if (!URL.canParse(text)) throw new HttpFault(400, "Host and path make no URL");
  return new URL(text);
}

function requestOf(
  { method, fields }: Head,
  url: URL,
  body: Uint8Array<ArrayBuffer> | null,
  signal: AbortSignal,
): Request {
  const headers = [...fields].filter(([name]) => !KEPT_BACK.has(name));
  return new Request(url.href, { method, headers, signal, ...(body === null ? {} : { body }) });
}
