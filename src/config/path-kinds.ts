/** The kinds of value that say what targets are told of clients, and how sockets are set. */
import type { ProxyTlv } from "../edge/proxy-header/send.ts";
import { canonicalHost, parseIp } from "../util/address.ts";
import { listOf } from "./address-kinds.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { integer, text } from "./kinds.ts";
import { quotedWhereNeeded, unquoted } from "./split.ts";

export const SEND_PROXY = ["off", "v1", "v2"] as const;

const KNOWN_TLVS = ["unique-id", "authority", "alpn", "ssl"] as const;
const OWN_TLV = /^0x([0-9a-fA-F]{2})=(.*)$/s;
/** PP2_TYPE_MIN_CUSTOM and PP2_TYPE_MAX_CUSTOM of the specification. */
const [FIRST_OWN_TLV, LAST_OWN_TLV] = [0xe0, 0xef];
/** Bytes. With the others a header stays within the 536 that any path takes in one packet. */
const LONGEST_TLV = 255;

export const proxyTlvs: Kind<readonly ProxyTlv[], string | readonly string[]> = kindOf(
  {
    placeholder: "TLV",
    allowed: `${KNOWN_TLVS.join(", ")}, or 0xE0=TEXT to 0xEF=TEXT, each at most ${LONGEST_TLV} bytes`,
    library: { words: "list of strings" },
    list: true,
  },
  listOf<ProxyTlv>(
    (given) => {
      const known = KNOWN_TLVS.find((each) => each === given);
      if (known !== undefined) return known;
      const [, hex = "0", value = ""] = OWN_TLV.exec(given) ?? [];
      const type = Number.parseInt(hex, 16);
      const bare = unquoted(value);
      const fits = new TextEncoder().encode(bare).length <= LONGEST_TLV;
      return type >= FIRST_OWN_TLV && type <= LAST_OWN_TLV && fits ? { type, value: bare } : undefined;
    },
    (tlv) =>
      typeof tlv === "string" ? tlv : `0x${tlv.type.toString(16).toUpperCase()}=${quotedWhereNeeded(tlv.value)}`,
  ),
);

/** Addresses of this machine, or the client's own; none: the kernel chooses. */
export type Source = readonly string[] | "client";

export const sources: Kind<Source, string | readonly string[]> = kindOf(
  {
    placeholder: "IP|client",
    allowed: "IP addresses of this machine, or client alone",
    library: { words: "`client`, or a list of addresses" },
    list: true,
  },
  textCodec<Source>(
    (given) => {
      if (given.trim() === "client") return "client";
      return addresses.parse(given)?.value;
    },
    (value) => (value === "client" ? value : addresses.format(value)),
  ),
);

const addresses = kindOf<readonly string[], string>(
  { placeholder: "IP", allowed: "IP addresses", library: { words: "string" } },
  listOf(
    (each) => (parseIp(each) === null ? undefined : canonicalHost(each)),
    (each) => each,
  ),
);

/** A page is the least that the kernel gives; more than the largest window that TCP can speak of is of no use. */
export const socketBuffer = integer(4_096, 1 << 30, "BYTES");

/** TCP_CA_NAME_MAX of Linux, without the NUL. */
export const congestionControl = text(
  "NAME",
  "the name of a congestion control of the kernel's, such as cubic or bbr",
  /^[a-z0-9_-]{1,15}$/,
);

export const dscp = integer(0, 63);

/** The default of what is left to it, as documents show it. */
export const BY_THE_KERNEL = "as the kernel has it";
