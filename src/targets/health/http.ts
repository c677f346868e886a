import type { Address } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import { VERSION } from "../../util/version.ts";
import type { Answer, HealthCheck, HttpAsk } from "./check.ts";
import { converse, readUntil } from "./conversation.ts";
import { bodyOf, type Head, readHead } from "./http-answer.ts";

/** Bytes of head and body that are read: what a health page says is short. */
const MOST_BYTES = 64 * 1024;

/** It answers with a status that is allowed, and a body with the text that is asked for. */
export const http: HealthCheck<HttpAsk> = {
  kind: "http",
  run: (ask, to, context) =>
    converse(to, ask, ask.host === null ? null : withoutPort(ask.host), context, async (connection) => {
      await connection.write(Buffer.from(requestOf(ask, to), "utf8"));
      const { body } = ask;
      const bytes = await readUntil(connection, MOST_BYTES, context.clock, (seen) => {
        const head = readHead(seen);
        if (head === null) return false;
        return head === "bad" || body === null || !isAllowed(ask, head) || isSettled(seen, head, body);
      });
      return judge(ask, bytes);
    }),
};

function requestOf({ method, path, host }: HttpAsk, to: Address): string {
  const name = host ?? ("path" in to ? "localhost" : formatAddress(to));
  const head = [`${method} ${path} HTTP/1.1`, `Host: ${name}`, `User-Agent: harmony/${VERSION} (health check)`];
  return [...head, "Accept: */*", "Connection: close", "", ""].join("\r\n");
}

function judge(ask: HttpAsk, bytes: Buffer): Answer {
  const head = readHead(bytes);
  if (head === null && bytes.length === 0) return { ok: false, reason: "it closed the connection without an answer" };
  if (head === null || head === "bad") return { ok: false, reason: "what it answers is not HTTP" };
  const status = `HTTP ${head.status}`;
  if (!isAllowed(ask, head)) return { ok: false, reason: status };
  if (ask.body === null || bodyOf(bytes, head).bytes.includes(ask.body)) return { ok: true, reason: status };
  return { ok: false, reason: `${status}, and its body does not contain ${JSON.stringify(ask.body)}` };
}

function isAllowed({ status }: HttpAsk, head: Head): boolean {
  return status.some(([from, to]) => head.status >= from && head.status <= to);
}

/** Nothing that may still come changes the outcome. */
function isSettled(bytes: Buffer, head: Head, text: string): boolean {
  const body = bodyOf(bytes, head);
  return body.isWhole || body.bytes.includes(text);
}

/** `app.example:8443` and `[::1]:80` → the name that a certificate has to be for. */
function withoutPort(host: string): string {
  return host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}
