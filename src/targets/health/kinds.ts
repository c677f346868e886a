/** All kinds of check, each under its name. */
import { agent } from "./agent.ts";
import type { Ask, HealthCheck } from "./check.ts";
import { exec } from "./exec.ts";
import { http } from "./http.ts";
import { sendExpect } from "./send-expect.ts";
import { tcp } from "./tcp.ts";

type Kinds = { readonly [K in Ask["kind"]]: HealthCheck<Extract<Ask, { readonly kind: K }>> };

export const KINDS: Kinds = { tcp, "send-expect": sendExpect, http, exec, agent };
