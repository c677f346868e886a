/** Options of the access log. */

import { kindOf, textCodec } from "./kind.ts";
import { choice, integer, STRING } from "./kinds.ts";
import { option } from "./option.ts";

const ACCESS_FORMATS = ["text", "json"] as const;
export type AccessFormat = (typeof ACCESS_FORMATS)[number];

/** Where it goes; null: there is none. */
export type AccessPlace = { readonly path: string } | "stderr" | null;

const PROGRAM = ["flag", "env", "file"] as const;

/** `off` is null. A file of one of these names is `./off`. */
const accessPlace = kindOf<AccessPlace, string>(
  {
    placeholder: "off|stderr|PATH",
    allowed: "off, stderr, or a path",
    library: STRING,
    schema: { type: "string", minLength: 1 },
  },
  textCodec<AccessPlace>(
    (text) => (text === "" ? undefined : text === "off" ? null : text === "stderr" ? "stderr" : { path: text }),
    (place) => (place === null ? "off" : place === "stderr" ? place : place.path),
  ),
);

export const accessLogOptions = {
  accessLog: option({
    kind: accessPlace,
    default: null, // a busy balancer would fill a disk that nobody looks after
    doc: "Where a line is written for each connection that has ended: a file, which SIGUSR1 has opened again after it was moved away, a FIFO, or standard error.",
    places: PROGRAM,
  }),
  accessLogFormat: option({
    kind: choice(ACCESS_FORMATS),
    default: "text",
    doc: "Lines of the access log as NAME=VALUE, or as one JSON object each.",
    places: PROGRAM,
  }),
  accessLogSample: option({
    kind: integer(1, 1_000_000),
    default: 1,
    doc: "Of the connections that went as they should, one in so many gets a line in the access log, drawn at random. Those that failed always do.",
    places: PROGRAM,
  }),
} as const;
