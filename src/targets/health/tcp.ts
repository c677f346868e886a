import type { HealthCheck, TcpAsk } from "./check.ts";
import { converse } from "./conversation.ts";

/** It accepts a connection; with TLS, the handshake succeeds. */
export const tcp: HealthCheck<TcpAsk> = {
  kind: "tcp",
  run: (ask, to, context) =>
    converse(to, ask, null, context, async () => ({
      ok: true,
      reason: ask.tls === null ? "it accepts connections" : "it speaks TLS",
    })),
};
