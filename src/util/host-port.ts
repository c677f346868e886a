/** `host:port`, with brackets around an IPv6 literal; an empty host (every interface) reads `*`. */
export function formatHostPort(host: string, port: number): string {
  if (host === "") return `*:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
