/**
 * Seam 1: sockets. The one contract that the adapters for Node, Deno and Bun and the in-memory network fulfil. All of Harmony
 * reaches the network through it, but for the linux engine. `#runtime` names the adapter of the runtime at hand.
 *
 * Ownership: the receiver of a Connection must end it with `close()` or `abort()`; `relay()` takes that duty over for both
 * of its connections, but for one that is left when the other fails.
 */
import type { PreAuthLimit } from "../util/pre-auth-limit.ts";
import type { NetError } from "./net-error.ts";

/** An IP socket. `host` is an IP literal (no brackets, an IPv4-mapped IPv6 address is given as IPv4) or, to `connect()`, a name. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** A Unix-domain stream socket. Only where `can.unix`. Such sockets know no reset: a peer reads a FIN instead. */
export interface UnixAddress {
  readonly path: string;
}

export type Address = TcpAddress | UnixAddress;

/** A Unix-domain socket to be made. What is null is as the process makes files: its umask, its user, its group. */
export interface UnixListenAddress extends UnixAddress {
  readonly mode: number | null;
  /** A name or a number. */
  readonly owner: string | null;
  /** A name or a number. */
  readonly group: string | null;
}

/** A TCP or Unix socket that listens already, and was inherited from the process's parent. */
export interface InheritedAddress {
  readonly fd: number;
}

/** Where to listen. host "" is every interface, IPv6 and IPv4. */
export type ListenAddress = TcpAddress | UnixListenAddress | InheritedAddress;

/** Connections waiting to be accepted. As many as Linux allows by default (net.core.somaxconn), so that a burst is not turned away; a full queue costs clients a second. */
export const DEFAULT_BACKLOG = 4096;
/** ms for a TLS handshake: a few round trips on a bad line, yet a peer that stays silent does not hold a descriptor for long. */
export const DEFAULT_HANDSHAKE_TIMEOUT = 5_000;

/** PEM texts: a server's certificate, which the rest of its chain may follow, and its private key. */
export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface AcceptOptions {
  /** Connections the kernel may hold before they are accepted; by default DEFAULT_BACKLOG. Where the runtime lets it be chosen (`can.backlog`). */
  readonly backlog?: number;
  /** As in ConnectOptions, for what is accepted. A function is asked at each connection, but for TLS: it may change. */
  readonly keepAlive?: number | (() => number);
  /** Others, of other threads, may listen at the same port, and the kernel deals connections out. Only where `can.sharePort`, at a host. */
  readonly sharePort?: boolean;
}

export interface ListenOptions extends AcceptOptions {
  /** IP literal or name; "" (the default) is every interface, IPv6 and IPv4 on one port, IPv4 alone where the host has no IPv6. */
  readonly host?: string;
  /** 0 picks a free port: read it from `Listener.address`. */
  readonly port: number;
  /** Every connection handed out is then TLS and its handshake done. */
  readonly tls?: TlsCertificate;
  /** With TLS: somebody else than a TLS client has connected, as its first bytes show. It is answered with an alert, and dropped. */
  readonly onPlain?: (from: TcpAddress) => void;
  /** ms that a TLS handshake may take before it is dropped; by default DEFAULT_HANDSHAKE_TIMEOUT. */
  readonly handshakeTimeout?: number;
  /** With TLS: handshakes under way have places among these; by default among those of this listener alone. */
  readonly strangers?: PreAuthLimit;
}

export interface ConnectOptions {
  readonly to: Address;
  /** Gives the attempt up: `connect()` then rejects with code `EABORTED` at once and nothing stays open. */
  readonly signal?: AbortSignal;
  /** ms after which a peer is given up of which nothing is heard; 0 switches TCP keepalive off. By default DEFAULT_KEEPALIVE (keepalive.ts). */
  readonly keepAlive?: number;
  /** The address of this machine to connect from, an IP literal of the family of `to`. Only where `can.localAddress`, without TLS. EADDRNOTAVAIL: it is another machine's, or has no port left. */
  readonly from?: string | undefined;
  /** Speak TLS: `ca` are PEM texts that replace the system's roots; `serverName` defaults to the host; `verify` false takes any certificate. */
  readonly tls?: { readonly ca?: string; readonly serverName?: string; readonly verify?: boolean };
}

/**
 * Hands over one accepted connection; the receiver owns it from here on. Must not throw. Over TCP its `remote` is known: a
 * peer that reset before it could be accepted is not handed over, and is no error of the listener.
 */
export type OnConnection = (connection: Connection) => void;

export interface Listener<A extends Address = TcpAddress> {
  readonly address: A;
  /** With TLS: handshakes from now on use this certificate. Throws NetError `ETLS`, and goes on with the former one. */
  readonly renew?: (certificate: TlsCertificate) => void;
  /** Of a Unix socket: its file has that mode and owner from now on. Throws NetError, and leaves it as it is. */
  readonly change?: (where: UnixListenAddress) => void;
  /** Stops accepting and frees the port, or removes the socket's file. Connections already handed out live on. Idempotent. */
  close(): Promise<void>;
}

/**
 * One stream socket. Nagle is off from the start, TCP keepalive on a second later at most. One `read()` and one `write()`
 * may be under way at a time. After `close()` or `abort()`, and once the connection is lost, `read` and `write` reject with a NetError.
 */
export interface Connection {
  /** Both ends are looked up when first asked for, and remembered: ask while the connection is open. */
  readonly local: TcpAddress;
  /** Unix-socket peers read `{ host: "", port: 0 }`. */
  readonly remote: TcpAddress;
  /**
   * Bytes written that are known not to be delivered: those that the kernel has not taken or, where `can.seesDelivery`, the peer
   * has not. 0 once the connection is lost.
   */
  readonly unsent: number;
  /**
   * Settles when there is something to read (bytes or the peer's FIN); consumes nothing and holds at most one chunk
   * within `can.readAhead`. Rejects once the connection is lost. It notices a reset while nothing is being read. One that
   * is pending does not hinder `read()` or `relay()`; it settles with what comes next.
   */
  readable(): Promise<void>;
  /** The peer's FIN has been noticed, by a `readable()` or a `read()`, and nothing that came before it is left to read. */
  readonly atEnd: boolean;
  /** The next bytes, or null at the peer's FIN. The bytes are the caller's until its next `read()`. At most `can.readAhead` bytes are read before they are asked for. */
  read(): Promise<Uint8Array | null>;
  /** Gives bytes back that were read: they come next again, for `relay()` too, and are the connection's from here on. Not while a `read()` is under way. */
  unread(bytes: Uint8Array): void;
  /** Resolves when further bytes may be given: that is the backpressure. The bytes must stay unchanged until then. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends FIN after what was written; reading goes on. Idempotent. */
  closeWrite(): Promise<void>;
  /** Flushes what was written, sends FIN and releases the socket without waiting for the peer's FIN. Idempotent, never rejects. */
  close(): Promise<void>;
  /** Drops the connection now, written bytes included: RST where `can.reset`, else a plain close. Idempotent. */
  abort(): void;
}

/** Bytes relayed so far, each way. `relay()` counts up while it runs, so that its caller can see progress (idle limits, metrics). */
export interface Progress {
  aToB: number;
  bToA: number;
}

/** How a relay ended: the side that finished or failed first, and what failed unless both sides ended with FIN. */
export interface RelayEnd {
  readonly first: "a" | "b";
  readonly failure?: { readonly side: "a" | "b"; readonly error: NetError };
}

/** What differs between runtimes. Code and tests branch on these, never on the runtime's name. */
export interface Capabilities {
  /** `abort()` sends RST; otherwise the peer sees FIN. */
  readonly reset: boolean;
  /** Unix-domain sockets, to connect to and to listen on. */
  readonly unix: boolean;
  /** Listening on inherited descriptors. */
  readonly inherit: boolean;
  /** TLS on both `listen()` and `connect()`. Half-close and RST are promised for plain TCP alone. */
  readonly tls: boolean;
  /**
   * The peer of an accepted TLS connection can tell our `close()` from a loss. Otherwise it may read ECONNRESET after the
   * last bytes, and a protocol over TLS needs an end mark of its own.
   */
  readonly closeNotify: boolean;
  /** `ListenOptions.backlog` has an effect. */
  readonly backlog: boolean;
  /** `AcceptOptions.sharePort`. */
  readonly sharePort: boolean;
  /** `ConnectOptions.from`. */
  readonly localAddress: boolean;
  /**
   * A connect given up by its signal frees its descriptor at once. Otherwise that is only so for an address that has not
   * answered before; an attempt towards one that has lingers until the kernel gives up (on Linux about two minutes).
   */
  readonly cancel: boolean;
  /** Failed accepts (EMFILE …) reach `onError`; otherwise the runtime drops such connections by itself, silently. */
  readonly reportsAccept: boolean;
  /** The peer's reset is told apart from its FIN while a read is pending. */
  readonly seesReset: boolean;
  /** `unsent` tells what the peer has not acknowledged. Otherwise what the kernel has taken counts as sent, and a reset drops it. */
  readonly seesDelivery: boolean;
  /** `keepAlive` says how long; otherwise the system does (Linux: two hours and more), and it only switches keepalive on or off. */
  readonly keepAliveTime: boolean;
  /** Bytes that a connection may hold before its reader asks for them (the kernel's buffers come on top). */
  readonly readAhead: number;
}

export interface Runtime {
  readonly name: "node" | "deno" | "bun" | "memory";
  readonly version: string;
  readonly can: Capabilities;
  /** Rejects with NetError `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, `ENOTFOUND` … Accept errors (EMFILE …) go to `onError`; the listener backs off and goes on. */
  listen(options: ListenOptions, onConnection: OnConnection, onError?: (error: NetError) => void): Promise<Listener>;
  /**
   * The same at any kind of address, without TLS. A Unix socket gets its name with its mode and owner, replaces the file of one that is
   * gone, and is removed by `close()` (socket-file.ts). `EINVAL`: the runtime cannot do that, or what is inherited is no such socket.
   */
  listenOn(
    where: ListenAddress,
    options: AcceptOptions,
    onConnection: OnConnection,
    onError?: (error: NetError) => void,
  ): Promise<Listener<Address>>;
  /** Rejects with NetError `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`, `ENOTFOUND`, `EABORTED` … It has no deadline of its own: give a signal. */
  connect(options: ConnectOptions): Promise<Connection>;
  /**
   * Moves bytes both ways until both directions have ended, in the way that costs least on this runtime. FIN travels per
   * direction. Never rejects; both connections are closed when it settles, unless one has failed: then the other is the
   * caller's again, nothing more is read from it, and what was read for it is on its way (`unsent`). To end a relay early, abort
   * either connection.
   */
  relay(a: Connection, b: Connection, progress: Progress): Promise<RelayEnd>;
  /**
   * Where the runtime by itself would let too much garbage pile up: collects it if the process has grown by
   * `growth` bytes since it last did. Takes 30 µs otherwise.
   */
  readonly lookForGarbage?: (growth: number) => void;
}
