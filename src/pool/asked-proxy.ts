/** What targets ask to be told of each client before its first byte: what their pool's options say, no PROXY header, or one of a version. */
export const ASKED_PROXIES = ["pool", "off", "v1", "v2"] as const;
export type AskedProxy = (typeof ASKED_PROXIES)[number];
