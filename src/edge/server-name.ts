/** The names that clients ask for: what RFC 6066 and the PROXY protocol carry as bytes. */

/** Of a DNS name, written out (RFC 1035). */
const MAX_LENGTH = 253;
/** Host names, and the underscores that some have. An empty label is none. */
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Lower-case and without the final dot; null where it is no host name. */
export function readServerName(bytes: Uint8Array): string | null {
  if (bytes.length > MAX_LENGTH + 1) return null;
  return normalServerName(String.fromCharCode(...bytes));
}

/** The same of a text. */
export function normalServerName(text: string): string | null {
  const name = plainServerName(text);
  return name.length <= MAX_LENGTH && NAME.test(name) ? name : null;
}

/** As names are compared, whether or not it is one. Only ASCII has another case: a long s or a Kelvin sign does not become a letter of a name. */
export function plainServerName(text: string): string {
  return text.replace(/\.$/, "").replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
