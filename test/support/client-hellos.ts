/** ClientHellos, made by hand: well-formed ones in any records, and with anything wrong. */

export interface HelloParts {
  /** As its bytes in latin1; left out: no server_name extension. */
  readonly serverName?: string;
  /** Left out: no ALPN extension. */
  readonly alpn?: readonly string[];
  /** Other extensions, before those. */
  readonly extensions?: readonly Extension[];
  /** Without extensions at all, as TLS 1.0 has them. */
  readonly isOld?: boolean;
  readonly sessionId?: Uint8Array;
}

export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

export const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
export const join = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
/** Behind its length in so many bytes. */
export const vector = (width: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const data = join(...parts);
  return join(
    Uint8Array.from({ length: width }, (_, n) => data.length >>> (8 * (width - 1 - n))),
    data,
  );
};

export function nameExtension(name: string): Extension {
  return { type: 0, data: vector(2, Uint8Array.of(0), vector(2, latin1(name))) };
}

export function alpnExtension(protocols: readonly string[]): Extension {
  return { type: 16, data: vector(2, ...protocols.map((name) => vector(1, latin1(name)))) };
}

/** The body, without type and length. */
export function helloBody({ alpn, extensions = [], isOld, serverName, sessionId }: HelloParts): Uint8Array {
  const all = [...extensions];
  if (serverName !== undefined) all.push(nameExtension(serverName));
  if (alpn !== undefined) all.push(alpnExtension(alpn));
  const fixed = join(
    Uint8Array.of(3, 3),
    new Uint8Array(32).fill(7),
    vector(1, sessionId ?? new Uint8Array(32)),
    vector(2, Uint8Array.of(0x13, 0x01, 0xc0, 0x2f)),
    vector(1, Uint8Array.of(0)),
  );
  if (isOld) return fixed;
  return join(fixed, vector(2, ...all.map(({ data, type }) => join(Uint8Array.of(type >>> 8, type), vector(2, data)))));
}

/** The handshake message: a ClientHello, unless another type is given. */
export function message(body: Uint8Array, type = 1): Uint8Array {
  return join(Uint8Array.of(type), vector(3, body));
}

/** In records of these lengths, the last of which is used for what is left. */
export function records(bytes: Uint8Array, ...lengths: readonly number[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const length = lengths[Math.min(n, lengths.length - 1)] ?? bytes.length;
    parts.push(Uint8Array.of(22, 3, 1), vector(2, bytes.subarray(at, at + length)));
    at += length;
  }
  return join(...parts);
}

/** As a client sends it. */
export function clientHello(parts: HelloParts, ...lengths: readonly number[]): Uint8Array {
  return records(message(helloBody(parts)), ...lengths);
}
