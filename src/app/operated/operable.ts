/** What the balancer gives to what shows and operates it. */
import type { Tokens } from "../../admin/access/tokens.ts";
import type { Step } from "../../config/document/difference.ts";
import type { BalancerSettings } from "../../config/settings.ts";
import type { PassedOver } from "../../engines/choose.ts";
import type { EventOf } from "../../util/emitter.ts";
import type { BalancerEvents } from "../events.ts";
import type { Trust } from "../invited.ts";
import type { Telemetry } from "../telemetry.ts";
import type { Parts } from "../wiring.ts";
import type { LastReload } from "./last-reload.ts";

export interface Operable {
  readonly parts: Parts;
  readonly passedOver: readonly PassedOver[];
  readonly trust: Trust;
  readonly tokens: Pick<Tokens, "all">;
  readonly telemetry: Telemetry;
  readonly lastReload: LastReload;
  readonly isReady: () => boolean;
  readonly isClosing: () => boolean;
  readonly reload: () => Promise<readonly Step[]>;
  readonly compare: (file: string | null) => readonly Step[];
  readonly applyDocument: (toml: string) => Promise<readonly Step[]>;
  readonly tell: (...event: EventOf<BalancerEvents>) => void;
}

/** The settings in force. */
export function settingsOf({ parts }: Pick<Operable, "parts">): BalancerSettings {
  return parts.document.settings;
}
