/**
 * By what balancers know that they are on one host, where a loopback address is the same to them. Names of hosts are not enough: machines that
 * were made from one image, and containers, are often called alike, and a balancer would send clients to whatever listens on its own.
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** The kernel that runs, and the network in it: Linux's. */
const [BOOT, NETWORK] = ["/proc/sys/kernel/random/boot_id", "/proc/self/ns/net"];
/** For who may not read those, as under Deno. */
const MACHINE = "/etc/machine-id";
const CHARACTERS = 32;

export interface HostFacts {
  readonly name: () => string;
  readonly text: (path: string) => string;
  readonly link: (path: string) => string;
}

const system: HostFacts = { name: hostname, text: (path) => readFileSync(path, "utf8"), link: readlinkSync };

export function hostMark({ name, text, link }: HostFacts = system): string {
  const kernel = known(() => text(BOOT)) ?? known(() => text(MACHINE)) ?? "";
  const network = known(() => link(NETWORK)) ?? "";
  const facts = JSON.stringify([name(), kernel.trim(), network]);
  return createHash("sha256").update(facts).digest("hex").slice(0, CHARACTERS);
}

/** null: it cannot be read, as on another system. */
function known(ask: () => string): string | null {
  try {
    return ask();
  } catch (error) {
    void error;
    return null;
  }
}
