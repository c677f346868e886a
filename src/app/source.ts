/** Where the document comes from, where it can be read again. */
import type { BalancerSettings } from "../config/settings.ts";

export interface DocumentSource {
  /** The whole of it, completed. `file`: as if that one were the document's. Throws HarmonyError with every problem there is. */
  read(file?: string): BalancerSettings;
  /** As if it said that: TOML. Throws as read() does. */
  parse(toml: string): BalancerSettings;
  /** Its files, as they are found now. Empty where it has none. Never throws. */
  files(): readonly string[];
}
