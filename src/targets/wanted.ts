/** Targets that an operator has named: what a document says of each, before any name in it is resolved. */
import type { Address } from "../net/runtime.ts";

export type WantedTarget = WantedPlace & {
  /** 0…MAX_WEIGHT. */
  readonly weight: number;
  /** Connections at once; 0 is no limit. */
  readonly maxConnections: number;
  /** Takes connections only while no target without it can. */
  readonly backup: boolean;
};

/** `name` stands for every address that it resolves to, `srv` for every target of its records. */
export type WantedPlace =
  | { readonly kind: "address"; readonly address: Address }
  | { readonly kind: "name"; readonly host: string; readonly port: number }
  | { readonly kind: "srv"; readonly name: string };
