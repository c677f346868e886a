/** Who has to act on an error: the operator of the client, of the target or of the balancer, or the author of the configuration. */
export type Fault = "client" | "target" | "balancer" | "config";

export interface ErrorDetails {
  readonly fault: Fault;
  /** Whether the same thing can succeed later without any change. Default false. */
  readonly retry?: boolean;
  readonly cause?: unknown;
}

/**
 * Harmony's own errors above the socket seam. Callers branch on `code` (upper-case words joined by `_`); the message says
 * what happened and what to do about it, in one line that can be shown to a user as it is.
 */
export class HarmonyError extends Error {
  override readonly name = "HarmonyError";
  readonly code: string;
  readonly fault: Fault;
  readonly retry: boolean;

  constructor(code: string, message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fault = details.fault;
    this.retry = details.retry ?? false;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of anything that was thrown (NetError, HarmonyError, the file system's errors), or undefined. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/** Whether the file system has no such file, or not even its folder. */
export function isAbsence(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === "ENOENT" || code === "ENOTDIR";
}
