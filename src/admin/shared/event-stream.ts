/**
 * Server-sent events out of their text, for commands and for the page: the browser's own EventSource sends no token.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html, of which their data alone is used here.
 */

/** Characters of one event, the longest that is waited for. */
const LONGEST = 1_000_000;

export class EventStream {
  #rest = "";

  /** The data of the events that are whole now. Throws where one does not end. */
  push(text: string): string[] {
    const blocks = (this.#rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = blocks.pop()!;
    if (this.#rest.length > LONGEST) throw new Error("an event without an end");
    return blocks.map(dataOf).filter((data) => data !== "");
  }
}

function dataOf(block: string): string {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}
