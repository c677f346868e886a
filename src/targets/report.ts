/** The full state of one target, as its reporter says it: any single report is enough for a balancer that has just started. */
export interface Report {
  /** Names the target; without one it is named by its address. */
  readonly id?: string | undefined;
  readonly pool: string;
  /** Where the target listens. */
  readonly port: number;
  /** 0 to 1,000,000. */
  readonly weight: number;
  readonly health: "up" | "down";
  readonly drain: boolean;
  /** Host to dial instead of the address the balancer sees the reporter at. */
  readonly advertise?: string | undefined;
  /** Connections at once; 0 or absent is no limit. */
  readonly maxConnections?: number | undefined;
}
