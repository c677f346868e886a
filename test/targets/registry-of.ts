/** A registry whose keys allow everything, on a host that listens nowhere: a test says what is otherwise. */
import assert from "node:assert/strict";
import { Registry, type RegistryOptions } from "../../src/targets/registry.ts";

type Given = Pick<RegistryOptions, "pools" | "clock" | "lease" | "quotaOf"> & Partial<RegistryOptions>;

export function registryOf(options: Given): Registry {
  return new Registry({
    panicOf: () => false,
    accepts: () => true,
    forbids: () => null,
    ownListeners: () => [],
    localAddresses: () => [],
    onWarning: assert.fail,
    onEvent: () => undefined,
    onChange: () => undefined,
    onUnreached: () => undefined,
    ...options,
  });
}
