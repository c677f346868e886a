/** Rules of a listener, as tests write them. */
import assert from "node:assert/strict";
import { AddressRanges } from "../../src/edge/access/address-ranges.ts";
import { AddressSet, type AddressSetData } from "../../src/edge/access/address-set.ts";
import { type ClientLimitOptions, ClientLimits } from "../../src/edge/access/client-limits.ts";
import { RefusalCounters } from "../../src/edge/refusals.ts";
import type { EdgeRules, RouteRule } from "../../src/edge/rules.ts";
import { addressWords } from "../../src/util/client-key.ts";

export function wordsOf(host: string): Uint32Array {
  return addressWords(host, new Uint32Array(4));
}

export function addressSet(...cidrs: readonly string[]): AddressSetData {
  const ranges = new AddressRanges();
  for (const cidr of cidrs) assert.ok(ranges.add(cidr), cidr);
  return AddressSet.of(ranges);
}

/** By default there is no limit, and an IPv4 address or an IPv6 /64 is a client. */
export function clientLimits(options: Partial<ClientLimitOptions>, tlsThreads = 0, clients = 64) {
  return ClientLimits.create(
    { connections: 0, rate: 0, burst: 1, v4Bits: 32, v6Bits: 64, ...options },
    tlsThreads,
    clients,
  );
}

/** By default everybody may come, and there is one route. */
export function edgeRules(rules: Partial<EdgeRules> = {}): EdgeRules {
  return {
    senders: null,
    secret: null,
    allow: null,
    deny: null,
    limits: null,
    refuse: { type: "close" },
    prereadTimeout: 5000,
    routes: [route()],
    counters: new RefusalCounters().buffer,
    ...rules,
  };
}

export function route(...names: readonly string[]): RouteRule {
  return { names, alpn: [] };
}
