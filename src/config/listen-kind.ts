/** The kind of value that names what clients connect to: a port, a Unix socket, or a socket that is inherited. */
import type { InheritedAddress, ListenAddress, UnixListenAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import { listenAddress, listOf } from "./address-kinds.ts";
import { type Kind, kindOf } from "./kind.ts";
import { readWords } from "./words.ts";

/** An address as it is written: `fd:NAME` stands for the descriptors that the service manager has given that name. */
export type WrittenListen = ListenAddress | { readonly fdName: string };

/** Bytes of sockaddr_un.sun_path of Linux, but for the NUL that ends it. */
const MOST_PATH_BYTES = 107;
/** 0, 1 and 2 are the standard streams; sd_listen_fds(3) counts from here, too. */
const FIRST_FD = 3;

const MODE = /^0?[0-7]{3}$/;
const OWNER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/;
const FD_NAME = /^[A-Za-z_][A-Za-z0-9_.@-]*$/;

/** An absolute path, so that it means the same wherever it is read; a list of addresses in one text has commas between them. */
export function isSocketPath(path: string): boolean {
  return /^\/[^\s,\0]+$/.test(path) && new TextEncoder().encode(path).length <= MOST_PATH_BYTES;
}

export function formatListen(address: WrittenListen): string {
  if ("fdName" in address) return `fd:${address.fdName}`;
  if ("fd" in address) return `fd:${address.fd}`;
  if ("path" in address) return formatUnix(address);
  return address.host === "" ? String(address.port) : formatAddress(address);
}

function parseListen(text: string): WrittenListen | undefined {
  if (text.startsWith("unix:")) return parseUnix(text);
  if (text.startsWith("fd:")) return parseDescriptor(text.slice("fd:".length));
  return listenAddress(text);
}

export function parseUnix(text: string): UnixListenAddress | undefined {
  const { head, words } = readWords(text, { mode: MODE, owner: OWNER, group: OWNER }) ?? {};
  const path = head?.slice("unix:".length) ?? "";
  if (words === undefined || !isSocketPath(path)) return undefined;
  const { mode, owner, group } = words;
  return {
    path,
    mode: mode === undefined ? null : Number.parseInt(mode, 8),
    owner: owner ?? null,
    group: group ?? null,
  };
}

function formatUnix({ path, mode, owner, group }: UnixListenAddress): string {
  const words = [
    mode === null ? [] : `mode=${mode.toString(8).padStart(3, "0")}`,
    owner === null ? [] : `owner=${owner}`,
    group === null ? [] : `group=${group}`,
  ];
  return [`unix:${path}`, ...words.flat()].join(" ");
}

function parseDescriptor(text: string): InheritedAddress | { readonly fdName: string } | undefined {
  if (FD_NAME.test(text)) return { fdName: text };
  const fd = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  return fd >= FIRST_FD ? { fd } : undefined;
}

export const listenPlaces: Kind<readonly WrittenListen[], string | number | readonly (string | number)[]> = kindOf(
  {
    placeholder: "[HOST:]PORT",
    allowed:
      "[HOST:]PORT with a port from 0 to 65535, such as 3000, 127.0.0.1:3000, [::1]:3000 or localhost:3000; " +
      "unix:/PATH, with mode=660, owner=USER or group=GROUP behind it; or fd:3 or fd:NAME for an inherited socket",
    library: { words: "string, number, or a list of them" },
    schema: { type: ["string", "integer"] },
    list: true,
  },
  listOf(parseListen, formatListen),
);
