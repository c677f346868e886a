import { HarmonyError, messageOf } from "../util/errors.ts";
import type { EngineFactory, EngineName, EngineWish } from "./engine.ts";
import { linux } from "./linux/main/factory.ts";
import { portable } from "./portable/engine.ts";

/** What `--engine` takes. */
export type EngineKind = "auto" | EngineName;

/** Every engine there is, the one that `auto` prefers first. A further one is a line here and its name in engine.ts. */
const ENGINES: readonly EngineFactory[] = [linux, portable];

/** An engine that would have been preferred, and why it cannot run here. */
export interface PassedOver {
  readonly name: EngineName;
  readonly reason: string;
}

export interface EngineChoice {
  readonly factory: EngineFactory;
  /** For the log. */
  readonly passedOver: readonly PassedOver[];
}

/**
 * The best engine of that kind that passes its test, and can listen as is wished. Rejects with HarmonyError `ENGINE_UNAVAILABLE`, which names each
 * engine that was asked for and why it cannot run.
 */
export async function chooseEngine(
  kind: EngineKind,
  wish: EngineWish,
  engines: readonly EngineFactory[] = ENGINES,
): Promise<EngineChoice> {
  const candidates = engines.filter((engine) => kind === "auto" || engine.name === kind);
  const passedOver: PassedOver[] = [];
  for (const factory of candidates) {
    const reason = await reasonAgainst(factory, wish);
    if (reason === null) return { factory, passedOver };
    passedOver.push({ name: factory.name, reason });
  }
  const why = passedOver.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  const names = ["auto", ...engines.map((engine) => engine.name)].join(", ");
  const message = `engine "${kind}" cannot run here: ${why || "this build has no such engine"} (it has: ${names})`;
  throw new HarmonyError("ENGINE_UNAVAILABLE", message, { fault: "config" });
}

async function reasonAgainst(factory: EngineFactory, wish: EngineWish): Promise<string | null> {
  try {
    return await factory.test(wish);
  } catch (error) {
    return `its self-test failed: ${messageOf(error)}`;
  }
}
