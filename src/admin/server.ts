/** The API's server: HTTP over a Unix socket, whose file is the login. What it answers is in routes.ts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { runtime } from "#runtime";
import { NetError } from "../net/net-error.ts";
import { bindSocketFile, type SocketFile } from "../net/socket-file.ts";
import { HarmonyError, messageOf } from "../util/errors.ts";
import { type Answer, type ApiBalancer, answerTo, problem } from "./routes.ts";

/** Whoever may open the socket may do all that the API can do: its owner. */
const MODE = 0o600;
/** Bytes: a document of a thousand pools is a tenth of that. */
const LONGEST_BODY = 1024 * 1024;
/** Bytes. Clients are programs of ours and curl, which send a few lines. */
const LONGEST_HEADERS = 16 * 1024;
/** At once. Its clients are one operator's: a ninth is closed. */
const MOST_CONNECTIONS = 8;
/** ms from a connection's beginning, or from its last answer, in which a whole request has to be there. */
const REQUEST_MS = 10_000;
/** ms between looks at those times. */
const LOOK_MS = 500;

export class ApiServer {
  readonly #balancer: ApiBalancer;
  readonly #server: Server;
  #file: SocketFile | null = null;

  constructor(balancer: ApiBalancer, requestMs = REQUEST_MS) {
    this.#balancer = balancer;
    this.#server = createServer(
      {
        maxHeaderSize: LONGEST_HEADERS,
        requestTimeout: requestMs,
        headersTimeout: requestMs,
        keepAliveTimeout: requestMs,
        connectionsCheckingInterval: Math.min(LOOK_MS, requestMs),
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = MOST_CONNECTIONS;
  }

  /** Rejects with NetError. */
  async listen(path: string): Promise<void> {
    if (!runtime.can.httpUnix)
      throw new NetError("EINVAL", `HTTP over a Unix socket takes another runtime than ${runtime.name}`);
    const where = { path, mode: MODE, owner: null, group: null };
    const { file } = await bindSocketFile(
      where,
      (made) => begin(this.#server, made),
      () => this.#server.close(),
    );
    this.#file = file;
    this.#server.on("error", () => undefined); // accepting has failed: the client comes again
  }

  /** Where it listens, or null. */
  get path(): string | null {
    return this.#file?.path ?? null;
  }

  /** Answers under way are cut off. Idempotent. */
  async close(): Promise<void> {
    this.#file?.remove();
    this.#file = null;
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined); // nobody is left to answer
    try {
      const body = await bodyOf(request);
      if (body === null) return send(response, TOO_LONG, true);
      const { method = "", url = "/" } = request;
      send(response, await answerTo(this.#balancer, method, url, body));
    } catch (error) {
      if (!request.destroyed || request.complete) send(response, failed(error));
    }
  }
}

function begin(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

const TOO_LONG = problem(413, `a body may have ${LONGEST_BODY} bytes`);

/** The whole of it as text; null: it is too long. Rejects when the client has gone. */
function bodyOf(request: IncomingMessage): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= LONGEST_BODY) chunks.push(chunk);
      else resolve(null);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

function failed(error: unknown): Answer {
  if (error instanceof HarmonyError) return problem(error.fault === "client" ? 400 : 422, error.message, error.code);
  if (error instanceof NetError) return problem(422, error.message, error.code);
  return problem(500, `a fault in the balancer itself: ${messageOf(error)}`);
}

/** `last`: the connection is of no use after it. */
function send(response: ServerResponse, { status, body }: Answer, last = false): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...(last ? { connection: "close" } : {}),
  });
  response.end(text);
}
