/** No two listeners want the same address, and none that of the reporters. */
import type { ListenAddress, TcpAddress } from "../../net/runtime.ts";
import { formatListen } from "../listen-kind.ts";
import { type Given, whereOf } from "../values.ts";
import type { CompletedListener } from "./complete-listeners.ts";
import { overlap } from "./endpoints.ts";

interface Wish {
  /** `listener db` or `admin`. */
  readonly who: string;
  readonly address: ListenAddress;
  readonly given: Given | undefined;
}

export function checkEndpoints(
  listeners: ReadonlyMap<string, CompletedListener>,
  admin: readonly TcpAddress[],
  adminGiven: Given | undefined,
  problems: string[],
): void {
  const wishes: Wish[] = admin.map((address) => ({ who: "admin", address, given: adminGiven }));
  for (const [name, listener] of listeners) {
    const who = `listener ${name}`;
    const given = listener.chosen.given.get("listen");
    for (const address of listener.settings.listen) wishes.push({ who, address, given });
  }
  const groups = new Map<string, Wish[]>();
  for (const wish of wishes) {
    const { address } = wish;
    if ("port" in address && address.port === 0) continue; // any that is free
    const group = "port" in address ? `port ${address.port}` : formatListen(withoutMode(address));
    const others = groups.get(group) ?? [];
    const other = others.find((each) => overlap(each.address, address));
    if (other) problems.push(collision(other, wish));
    groups.set(group, [...others, wish]);
  }
}

function withoutMode(address: ListenAddress): ListenAddress {
  return "path" in address ? { ...address, mode: null, owner: null, group: null } : address;
}

function collision(one: Wish, other: Wish): string {
  const what = "port" in one.address ? "port" : "socket";
  const both = `${formatListen(one.address)} and ${formatListen(other.address)}`;
  const where = whereOf(other.given);
  if (one.given === other.given)
    return `${where}${one.who} wants the same ${what} twice (${both}): leave one of them out`;
  const there = one.given?.at === undefined ? "" : `; the other is given at ${one.given.at}`;
  return `${where}${other.who} and ${one.who} want the same ${what} (${both}): give two different ones${there}`;
}
