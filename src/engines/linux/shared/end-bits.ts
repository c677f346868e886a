/** Bits of an end: what the worker knows of one of the two sockets of a connection. */

/** There may be something to read: set by an event, cleared when a read finds the socket empty. */
export const READABLE = 1;
/** There may be room to write. */
export const WRITABLE = 2;
/** The kernel has announced the peer's FIN; it may stand behind unread bytes. */
export const FIN_SEEN = 4;
/** The peer's FIN was reached. */
export const AT_END = 8;
/** Our FIN has been sent. */
export const FIN_SENT = 16;
/** Something has been written once. */
export const WRITTEN = 32;
/** Urgent data was announced: short reads may then stop at the mark and mean nothing. */
export const URGENT = 64;
/** TCP keepalive is on. */
export const KEPT_ALIVE = 128;
/** Nagle's algorithm is off. */
export const UNDELAYED = 256;
/** The direction from this end is on the list of those to be continued after this batch of events. */
export const AGAIN = 512;
