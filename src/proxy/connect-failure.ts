import { NetError } from "../net/net-error.ts";
import type { LifecycleOptions } from "./options.ts";

/** Connect failures that say nothing about the target: this process or this host has run out of something. By NetError.code. */
const SCARCE = new Map([
  ["EMFILE", "file descriptors (raise the limit: ulimit -n)"],
  ["EADDRNOTAVAIL", "local ports towards that target"],
  ["ENOBUFS", "memory for sockets"],
  ["ENOSPC", "epoll watches (raise the limit: sysctl fs.epoll.max_user_watches)"],
  ["EBRIDGE", "threads that speak TLS to targets (one has died and is replaced, or they have too much to do)"],
]);

/** What the balancer has run out of, or null: then the failure is the target's. */
export function scarce(code: string | undefined): string | null {
  return (code !== undefined && SCARCE.get(code)) || null;
}

/** The failure of an attempt that took too long. */
export function connectTimedOut({ connectTimeout }: LifecycleOptions): NetError {
  return new NetError("ETIMEDOUT", `no answer within ${connectTimeout} ms`);
}
