/** What a stranger on the admin port can do: one attempt of each kind, on a connection that stands. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import * as tls from "node:tls";
import type { Hellos } from "./hellos.ts";

/** What attempts are made with. */
export interface Means {
  readonly hellos: Hellos;
  /** The first bytes of a TLS client. */
  readonly clientHello: Buffer;
}

type Attempt = (socket: Socket, means: Means) => void;

const HTTP = "GET / HTTP/1.1\r\nHost: balancer\r\n\r\n";

const plain = {
  silent: () => undefined,
  FIN: (socket) => void socket.end(),
  "half a line": (socket) => void socket.write('{"t":"hello","v":2,"as":"ke'),
  garbage: (socket) => void socket.write(HTTP),
  "wrong proof": (socket, { hellos }) => void socket.write(hellos.wrongProof()),
  "unknown id": (socket, { hellos }) => void socket.write(hellos.unknownId()),
  "unknown reporter": (socket, { hellos }) => void socket.write(hellos.reporter()),
  "unknown invitation": (socket, { hellos }) => void socket.write(hellos.join()),
  "version 1": (socket, { hellos }) => void socket.write(hellos.version1()),
  replayed: (socket, { hellos }) => void socket.write(hellos.replayed()),
} satisfies Record<string, Attempt>;

const overTls = {
  silent: () => undefined,
  FIN: (socket) => void socket.end(),
  "no TLS": (socket, { hellos }) => void socket.write(hellos.wrongProof()),
  "client hello": (socket, { clientHello }) => void socket.write(another(clientHello)),
  "handshake, then silent": (socket) => secure(socket, null),
  "handshake, then garbage": (socket) => secure(socket, HTTP),
  "handshake, then wrong proof": (socket, { hellos }) => secure(socket, hellos.wrongProof()),
} satisfies Record<string, Attempt>;

/** By their names. */
export const attempts: { readonly plain: Record<string, Attempt>; readonly tls: Record<string, Attempt> } = {
  plain,
  tls: overTls,
};

/** Behind the headers of record and message, and the version. */
const RANDOM_AT = 5 + 4 + 2;

/** With a random number of its own. */
function another(clientHello: Buffer): Buffer {
  const copy = Buffer.from(clientHello);
  randomBytes(32).copy(copy, RANDOM_AT);
  return copy;
}

function secure(socket: Socket, say: string | null): void {
  const stream = tls.connect({ socket, rejectUnauthorized: false });
  if (say !== null) stream.once("secureConnect", () => void stream.write(say));
  stream.on("error", () => socket.destroy());
}
