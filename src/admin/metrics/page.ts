/** The answer to GET /metrics. */
import { turn } from "../../util/slices.ts";
import { type Measured, scrape } from "./scrape.ts";
import { METRICS, OF_POOLS } from "./table.ts";
import { type Format, OPEN_METRICS, pageOf, TEXT } from "./writer.ts";

/** Characters to a piece of the answer: enough that a page of a small balancer is one. */
const PIECE = 64 * 1024;

/** `accept`: the request's header; `pool`: all that the reader may see, or null. What is sent is made as the reader takes it, so that one that does not read costs a page at most. */
export function metricsAnswer(measured: Measured, accept: string | null, pool: string | null): Response {
  const format = formatFor(accept);
  const pieces = piecesOf(measured, pool, format);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
  return new Response(body, { headers: { "content-type": format.contentType, "cache-control": "no-store" } });
}

async function* piecesOf(measured: Measured, pool: string | null, format: Format): AsyncGenerator<string> {
  const metrics = pool === null ? METRICS : OF_POOLS;
  let piece = "";
  for (const text of pageOf(metrics, await scrape(measured, pool), format)) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
    await turn();
  }
  if (piece !== "") yield piece;
}

/** OpenMetrics for those who name it and do not like the text better; Prometheus names both, with weights. */
export function formatFor(accept: string | null): Format {
  const [open, text] = [weightOf(accept, "application/openmetrics-text"), weightOf(accept, "text/plain")];
  return open > 0 && open >= text ? OPEN_METRICS : TEXT;
}

/** The weight that a header gives to that type by its name, in any version; 0: it does not name it. */
function weightOf(accept: string | null, type: string): number {
  const weights = (accept ?? "").split(",").map((each) => {
    const [name = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    return name === type ? Number(weight) || 0 : 0;
  });
  return Math.max(...weights);
}
