/** What an HTTP server serves: who may ask, judged by the head alone, and what is answered. */
import type { Head } from "./head.ts";

/** The other end of a connection. Over a Unix socket its host is "". */
export interface Peer {
  readonly host: string;
}

export interface Admitted<Asker> {
  readonly asker: Asker;
  /** Those that share places with it: of one who has more than others the oldest connection goes first. */
  readonly group: string;
  /** Bytes of its body that are read. */
  readonly longestBody: number;
}

/** Answered at once; its body is not read. */
export interface Refused {
  readonly response: Response;
}

export interface Site<Asker> {
  /** Nothing but the head has been read, and nothing is kept for it yet. Does not throw. */
  admit(head: Head, url: URL, peer: Peer): Admitted<Asker> | Refused;
  answer(request: Request, asker: Asker): Response | Promise<Response>;
}
