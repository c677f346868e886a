/** Opens the way to the group that the balancer is to be one of. */
import type { BalancerSettings } from "../config/settings.ts";
import { placeText } from "../group/place.ts";
import type { Membership } from "./grouped.ts";

type GroupSettings = Pick<BalancerSettings, "group" | "groupName" | "groupPassword" | "groupPasswordFile" | "groupCa">;

/** null: it is one by itself, and nothing is loaded for it. */
export async function openGroup(
  settings: GroupSettings,
  onWarning: (message: string) => void,
): Promise<Membership | null> {
  const { group: place, groupName: name, groupPassword, groupPasswordFile, groupCa } = settings;
  if (place === null) return null;
  const { openRedisStore } = await import("../group/redis/open.ts");
  const way = { place, name, password: groupPassword, passwordFile: groupPasswordFile, ca: groupCa };
  return { name, place: placeText(place), store: await openRedisStore(way, onWarning) };
}
