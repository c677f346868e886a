/** The API over HTTP on loopback, for tests of what asks it: whoever comes has every right. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { apiApp } from "../../src/admin/api/app.ts";
import type { Asker, Operated } from "../../src/admin/face.ts";

export const EVERYTHING: Asker = { name: "socket", right: "act", pool: null };

export interface OperatedServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

/** What `others` has an answer for does not come to the API. `port`: for one that comes back where it was. */
export async function serveOperated(
  operated: Operated,
  asker: Asker = EVERYTHING,
  others: (request: Request) => Response | null | Promise<Response | null> = () => null,
  port = 0,
): Promise<OperatedServer> {
  const app = apiApp(operated);
  const server = createServer(async (incoming, outgoing) => {
    const request = requestOf(incoming);
    await send(outgoing, (await others(request)) ?? (await app.fetch(request, { asker, address: "" })));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: taken } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${taken}`, close: () => close(server) };
}

function requestOf(incoming: IncomingMessage): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(`http://${headers.host}${url}`, {
    method,
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" } : {}),
  } as RequestInit);
}

async function send(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.flushHeaders();
  const reader = response.body?.getReader();
  outgoing.once("close", () => void reader?.cancel());
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {};
    if (done) break;
    outgoing.write(value);
  }
  outgoing.end();
}

function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}
