/** Connect failures that say nothing about the target: this process or this host has run out of something. By NetError.code. */
const SCARCE = new Map([
  ["EMFILE", "file descriptors (raise the limit: ulimit -n)"],
  ["EADDRNOTAVAIL", "local ports towards that target"],
  ["ENOBUFS", "memory for sockets"],
]);

/** What the balancer has run out of, or null: then the failure is the target's. */
export function scarce(code: string | undefined): string | null {
  return (code !== undefined && SCARCE.get(code)) || null;
}
