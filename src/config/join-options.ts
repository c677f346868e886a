/** The options of `harmony-reporter join` and `rotate`: how the balancers are reached, and where the reporter's own key lies. */
import { HarmonyError } from "../util/errors.ts";
import { readText } from "./files.ts";
import { option, optional, type Values } from "./option.ts";
import { checkAuthorities } from "./pem.ts";
import { reporterOptions } from "./reporter-options.ts";

const PROGRAM = { places: ["flag", "env", "file"] } as const;

export const onlyFromPrograms = { adminPort: option({ ...reporterOptions.adminPort, ...PROGRAM }) } as const;

export const wayOptions = {
  identity: optional({ ...reporterOptions.identity, ...PROGRAM }),
  tls: option({ ...reporterOptions.tls, ...PROGRAM }),
  tlsCa: optional({ ...reporterOptions.tlsCa, ...PROGRAM }),
  config: reporterOptions.config,
} as const;

/** Throws `BAD_OPTIONS`. */
export function tlsSettings({ tls, tlsCa }: Values<typeof wayOptions>): { readonly ca?: string } | null {
  if (tlsCa === null) return tls ? {} : null;
  const problems: string[] = [];
  const ca = readText(tlsCa, "--tls-ca", problems);
  if (ca !== null) checkAuthorities({ option: "--tls-ca", pem: ca }, problems);
  if (ca === null || problems.length > 0)
    throw new HarmonyError("BAD_OPTIONS", problems.join("\n"), { fault: "config" });
  return { ca };
}
