/** A reporter's own socket: whoever may open it reads what the reporter does, and changes nothing. */
import type { Runtime } from "../../net/runtime.ts";
import { foreignSite } from "../access/same-site.ts";
import { problem } from "../http/problem.ts";
import { HttpServer } from "../http/server.ts";
import type { Site } from "../http/site.ts";
import type { ReporterStatus } from "./schema.ts";

/** The same path as a balancer's, so that one client asks both. */
const PATH = "/v1/status";
/** As of the balancer's socket: its user, and root. */
const MODE = 0o600;
/** Whoever looks, looks once and goes. */
const MOST = 16;

export interface ReporterServerOptions {
  readonly runtime: Runtime;
  /** null: it does not report yet. */
  readonly status: () => ReporterStatus | null;
  readonly onFault: (error: unknown) => void;
}

/** Rejects with NetError. */
export async function serveReporter(
  path: string,
  { runtime, status, onFault }: ReporterServerOptions,
): Promise<HttpServer<null>> {
  const server = new HttpServer<null>({ runtime, site: siteOf(status), onFault, mostWaiting: MOST, mostBusy: MOST });
  await server.listenUnix({ path, mode: MODE, owner: null, group: null });
  return server;
}

function siteOf(status: ReporterServerOptions["status"]): Site<null> {
  return {
    admit(head, url) {
      const foreign = foreignSite(head, url);
      if (foreign !== null) return { response: refusal(403, "FORBIDDEN", foreign) };
      if (url.pathname !== PATH) return { response: refusal(404, "NO_ROUTE", `there is ${PATH}, and nothing else`) };
      if (head.method !== "GET" && head.method !== "HEAD")
        return { response: refusal(405, "BAD_METHOD", `${PATH} can be read, and nothing else`) };
      return { asker: null, group: "", longestBody: 0 };
    },
    answer() {
      const now = status();
      if (now === null)
        return refusal(503, "NOT_READY", "it reports nothing yet: the server that it runs accepts no connections");
      return new Response(`${JSON.stringify(now)}\n`, { headers: { "content-type": "application/json" } });
    },
  };
}

function refusal(status: number, code: string, message: string): Response {
  const isOurs = status >= 500;
  return problem(status, { code, message, fault: isOurs ? "target" : "client", retry: isOurs });
}
