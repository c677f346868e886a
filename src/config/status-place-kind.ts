/** The kind of value that names where a reporter tells of itself. */
import type { UnixAddress } from "../net/runtime.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { STRING } from "./kinds.ts";

/** A place that is found by itself, none, or a Unix socket. */
export type StatusPlace = "auto" | "off" | UnixAddress;

const UNIX = "unix:";

export const statusPlace: Kind<StatusPlace, string> = kindOf(
  {
    placeholder: "auto|off|unix:PATH",
    allowed: "auto, off, or unix: and the path of a socket, such as unix:/run/harmony/reporter.sock",
    library: STRING,
  },
  textCodec<StatusPlace>(
    (text) => {
      if (text === "auto" || text === "off") return text;
      const path = text.startsWith(UNIX) ? text.slice(UNIX.length) : "";
      return path === "" ? undefined : { path };
    },
    (value) => (typeof value === "string" ? value : UNIX + value.path),
  ),
);
