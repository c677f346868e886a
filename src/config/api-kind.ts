/** The kind of value that names where the API is. */
import type { TcpAddress, UnixListenAddress } from "../net/runtime.ts";
import { listenAddress, listOf } from "./address-kinds.ts";
import { type Kind, kindOf } from "./kind.ts";
import { formatListen, parseUnix } from "./listen-kind.ts";

/** A port. `mayBeTaken`: the balancer goes on without it where another program has it, since nobody has asked for it. */
export interface ApiPort extends TcpAddress {
  readonly mayBeTaken?: true;
}

/** A socket at a place that is found by itself, none at all, a Unix socket, or a port. */
export type ApiPlace = "auto" | "off" | UnixListenAddress | ApiPort;

function parsePlace(text: string): ApiPlace | undefined {
  if (text === "auto" || text === "off") return text;
  return text.startsWith("unix:") ? parseUnix(text) : listenAddress(text);
}

export const apiPlaces: Kind<readonly ApiPlace[], string | number | readonly (string | number)[]> = kindOf(
  {
    placeholder: "auto|off|unix:PATH|HOST:PORT",
    allowed:
      "auto, off, HOST:PORT such as 127.0.0.1:1667, or unix: and the path of a socket, such as unix:/run/harmony/api.sock, with mode=660, " +
      "owner=USER or group=GROUP behind it",
    library: { words: "string, number, or a list of them" },
    schema: { type: ["string", "integer"] },
    list: true,
  },
  listOf(parsePlace, (place) => (typeof place === "string" ? place : formatListen(place))),
);

export function isSocket(place: ApiPlace): place is UnixListenAddress {
  return typeof place === "object" && "path" in place;
}

export function isPort(place: ApiPlace): place is ApiPort {
  return typeof place === "object" && "port" in place;
}
