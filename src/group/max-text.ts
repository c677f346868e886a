/** Bytes of a value, and of a name, in the store. A target's state takes a few hundred. */
export const MAX_TEXT: number = 64 * 1024;
