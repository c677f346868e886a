/** An HTTP client that sends exactly what a test writes, and reads what comes, on the sockets of whatever runtime it is given. */
import { runtime as native } from "#runtime";
import type { Address, Connection, Runtime } from "../../src/net/runtime.ts";
import { until } from "./wait.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export class HttpPeer {
  readonly connection: Connection;
  /** All that has been read and not been taken by answer(). */
  text = "";
  /** The server has ended the connection, or reset it. */
  ended = false;
  #paused = false;

  constructor(connection: Connection) {
    this.connection = connection;
    void this.#read();
  }

  static async connect(to: Address, runtime: Runtime = native): Promise<HttpPeer> {
    return new HttpPeer(await runtime.connect({ to }));
  }

  send(text: string): Promise<void> {
    return this.connection.write(Buffer.from(text, "latin1"));
  }

  /** A request with a body, if there is one. */
  ask(method: string, path: string, { body = "", ...fields }: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = { host: "localhost", ...(body === "" ? {} : { "content-length": String(body.length) }), ...fields };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.send(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  }

  /** The next answer, whole. `isHead`: it answers a HEAD, and has no body. */
  answer(isHead = false): Promise<HttpAnswer> {
    return until("an answer", () => this.#take(isHead));
  }

  async exchange(...args: Parameters<HttpPeer["ask"]>): Promise<HttpAnswer> {
    await this.ask(...args);
    return this.answer(args[0] === "HEAD");
  }

  /** Reads nothing more. */
  pause(): void {
    this.#paused = true;
  }

  end(): Promise<void> {
    return until("the end of the connection", () => this.ended).then(() => undefined);
  }

  async #read(): Promise<void> {
    try {
      while (!this.#paused) {
        const bytes = await this.connection.read();
        if (bytes === null) break;
        this.text += Buffer.from(bytes).toString("latin1");
      }
    } catch {
      // a reset ends it as well
    }
    this.ended = !this.#paused;
  }

  #take(isHead: boolean): HttpAnswer | null {
    const end = this.text.indexOf("\r\n\r\n");
    if (end < 0) return null;
    const [first = "", ...lines] = this.text.slice(0, end).split("\r\n");
    const headers = new Map(
      lines.map((line): [string, string] => {
        const at = line.indexOf(":");
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
      }),
    );
    const rest = this.text.slice(end + 4);
    const status = Number(first.split(" ")[1]);
    const body = isHead || status === 100 ? { text: "", left: rest } : bodyOf(headers, rest, this.ended);
    if (body === null) return null;
    this.text = body.left;
    return { status, headers, body: body.text };
  }
}

function bodyOf(headers: ReadonlyMap<string, string>, rest: string, ended: boolean) {
  const length = headers.get("content-length");
  if (length !== undefined)
    return rest.length < Number(length)
      ? null
      : { text: rest.slice(0, Number(length)), left: rest.slice(Number(length)) };
  if (headers.get("transfer-encoding") === "chunked") return chunked(rest);
  return ended ? { text: rest, left: "" } : null;
}

function chunked(text: string): { text: string; left: string } | null {
  let body = "";
  for (let at = 0; ; ) {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return null;
    const length = Number.parseInt(text.slice(at, end), 16);
    const next = end + 2 + length + 2;
    if (text.length < next) return null;
    if (length === 0) return { text: body, left: text.slice(next) };
    body += text.slice(end + 2, end + 2 + length);
    at = next;
  }
}
