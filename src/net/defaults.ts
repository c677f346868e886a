/** ms of silence before the kernel probes a peer: well below the minutes after which firewalls and NATs forget a flow. */
export const KEEPALIVE_IDLE = 60_000;

/** ms for a TLS handshake: a few round trips on a bad line, yet a silent stranger does not hold a descriptor for long. */
export const DEFAULT_HANDSHAKE_TIMEOUT = 5_000;

/** Connections waiting to be accepted. The kernel lowers it to its own limit (Linux: 4096); a full queue costs clients a second. */
export const DEFAULT_BACKLOG = 4096;

/** ms before the next accept after one failed for want of descriptors or memory: soon, but no busy loop. */
export const ACCEPT_BACKOFF = 50;
