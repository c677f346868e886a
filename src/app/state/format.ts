/** The text of the state file: JSON with its version, in which every order has its target's name. Pure. */
import * as z from "zod/mini";
import { type LogLevels, logLevels } from "../../config/log-levels.ts";
import { MAX_FACTOR, MAX_ORDER_REASON, MOST_ORDERS, type Order } from "../../targets/orders.ts";
import { HarmonyError } from "../../util/errors.ts";

/** Whatever a reader of this version would not understand makes another one of it. */
const VERSION = 1;

const text = (most: number) => z.string().check(z.minLength(1), z.maxLength(most));

const order = z.strictObject({
  /** `pool/id`, `pool/host:port` or `pool/unix:path`. */
  target: text(700),
  state: z.nullable(z.enum(["drain", "maintain"])),
  factor: z.nullable(z.number().check(z.minimum(0), z.maximum(MAX_FACTOR))),
  by: text(200),
  reason: z.nullable(text(MAX_ORDER_REASON)),
  at: z.iso.datetime(),
  address: z.union([
    z.strictObject({ host: text(100), port: z.int().check(z.minimum(0), z.maximum(65_535)) }),
    z.strictObject({ path: text(500) }),
  ]),
});
const levelOrder = z.strictObject({
  /** As --log-level takes it. */
  level: z.string().check(z.refine((given) => logLevels.parse(given) !== null, logLevels.allowed)),
  by: text(200),
});
const state = z.strictObject({
  version: z.literal(VERSION),
  orders: z.array(order).check(z.maxLength(MOST_ORDERS)),
  logLevel: z.optional(levelOrder),
});
const anyVersion = z.looseObject({ version: z.int() });

export interface LevelOrder {
  readonly level: LogLevels;
  /** Whose order it is. */
  readonly by: string;
}

/** All that operators have ordered. */
export interface Ordered {
  /** By the target's name. */
  readonly orders: ReadonlyMap<string, Order>;
  readonly logLevel: LevelOrder | null;
}

export function writeState({ orders, logLevel }: Ordered): string {
  const list = [...orders].map(([target, { at, ...rest }]) => ({ target, ...rest, at: new Date(at).toISOString() }));
  const level = logLevel && { logLevel: { ...logLevel, level: logLevels.format(logLevel.level) } };
  return `${JSON.stringify({ version: VERSION, orders: list, ...level }, null, 2)}\n`;
}

/** Throws `DAMAGED` for what this has not written, and `OTHER_VERSION`. */
export function readState(given: string): Ordered {
  const found = jsonOf(given);
  const { data } = anyVersion.safeParse(found);
  if (data !== undefined && data.version !== VERSION) {
    const message = `it was written by another version of Harmony (its format is ${data.version}, this one reads ${VERSION})`;
    throw new HarmonyError("OTHER_VERSION", message, { fault: "config" });
  }
  const read = state.safeParse(found);
  if (!read.success) throw damaged(z.prettifyError(read.error).split("\n", 1)[0]!);
  const { orders, logLevel } = read.data;
  return {
    orders: new Map(orders.map(({ target, at, ...rest }) => [target, { ...rest, at: Date.parse(at) }])),
    logLevel: logLevel === undefined ? null : { ...logLevel, level: logLevels.parse(logLevel.level)!.value },
  };
}

function jsonOf(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    throw damaged("it is not JSON");
  }
}

function damaged(why: string): HarmonyError {
  return new HarmonyError("DAMAGED", why, { fault: "config" });
}
