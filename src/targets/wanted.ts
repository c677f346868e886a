/**
 * Targets that nobody registers: an operator's document names them, by address or by a name of the DNS. What is wanted becomes
 * what is declared once its name has addresses: see sources/.
 */
import type { Address } from "../net/runtime.ts";
import type { AgentCheck, Check } from "./health/check.ts";

/** Who says that a target exists: a reporter, another balancer of the group, the document, or the DNS for a name in the document. */
export type TargetSource = "registered" | "shared" | "static" | "dns";

/** What a document says of each. */
export type WantedTarget = WantedPlace & WantedTerms;

/** `name` stands for every address that it resolves to, `srv` for every address of the hosts of its records, at their ports. */
export type WantedPlace =
  | { readonly kind: "address"; readonly address: Address }
  | { readonly kind: "name"; readonly host: string; readonly port: number }
  | { readonly kind: "srv"; readonly name: string };

interface WantedTerms {
  /** 0…MAX_WEIGHT. A record of an `srv` has its own, unless all of them say 0. */
  readonly weight: number;
  /** Connections at once; 0 is no limit. */
  readonly maxConnections: number;
  /** 0…MAX_PRIORITY: takes connections only while no target of a smaller number can. */
  readonly priority: number;
  /** Takes connections only while no target without it can. */
  readonly backup: boolean;
  /** Left out: as its pool has it. */
  readonly check?: Check | "off" | undefined;
  readonly agentCheck?: AgentCheck | "off" | undefined;
}

/** A target that is there without a reporter. It has no lease: whether it takes load, connects and probes decide. */
export interface DeclaredTarget extends WantedTerms {
  /** An IP literal in canonical form, or a Unix socket. */
  readonly address: Address;
  readonly source: Extract<TargetSource, "static" | "dns">;
  /** The host name or SRV name that its address comes from. */
  readonly name: string | null;
}
