import { after, describe } from "node:test";
import { removeFolders } from "../support/folder.ts";
import { access } from "./edge/access.ts";
import { bridge } from "./edge/bridge.ts";
import { changing } from "./edge/changing.ts";
import { proxyIn } from "./edge/proxy-in.ts";
import { proxyOut } from "./edge/proxy-out.ts";
import { routing } from "./edge/routing.ts";
import { throughTls } from "./edge/through-tls.ts";
import type { Host } from "./host.ts";

export interface EdgeConformanceOptions {
  /** Why the engine cannot be tried here; undefined where it can. */
  readonly skip?: string | undefined;
}

/** What every engine has to do between a client's connection and its pool, and on the way to a target, seen from outside as in conformance.ts. */
export function edgeConformance(label: string, host: Host, options: EdgeConformanceOptions = {}): void {
  describe(label, { skip: options.skip ?? false }, () => {
    after(removeFolders);
    describe("changes", () => changing(host));
    describe("lists and limits", () => access(host));
    describe("routes", () => routing(host));
    describe("targets behind TLS", () => bridge(host));
    describe("PROXY headers to targets", () => proxyOut(host));
    describe("PROXY headers from clients", () => proxyIn(host));
    describe("targets that speak TLS", () => throughTls(host));
  });
}
