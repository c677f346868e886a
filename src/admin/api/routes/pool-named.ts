import { HarmonyError } from "../../../util/errors.ts";
import type { Operated } from "../../face.ts";
import type { Pool } from "../schemas/pools.ts";

/** Rejects with `NO_POOL`. */
export async function poolNamed(operated: Operated, name: string): Promise<Pool> {
  const found = (await operated.pools()).find((pool) => pool.name === name);
  if (found === undefined) throw new HarmonyError("NO_POOL", `there is no pool ${name}`, { fault: "client" });
  return found;
}
