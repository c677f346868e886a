/** A network of its own in which some addresses cannot be reached, without a packet to anybody. */
import { spawnSync } from "node:child_process";

/** The routing table says that the host is unreachable: EHOSTUNREACH. */
export const UNREACHABLE_HOST = "10.99.0.1";
/** No route leads there: ENETUNREACH. */
export const UNREACHABLE_NETWORK = "192.0.2.1";
/** Routes lead there that only drop what they are given: EINVAL and EACCES. */
export const BLACKHOLE_HOST = "10.99.2.1";
export const PROHIBITED_HOST = "10.99.3.1";
/** On a link where nobody answers to its address: EHOSTUNREACH after a second of asking. */
export const SILENT_NEIGHBOUR = "10.99.1.2";

const SETUP = `
  ip link set lo up &&
  ip route add unreachable 10.99.0.0/24 && ip route add blackhole 10.99.2.0/24 && ip route add prohibit 10.99.3.0/24 &&
  ip link add near type veth peer name far && ip link set far up && ip link set near up &&
  ip address add 10.99.1.1/24 dev near &&
  echo 1 > /proc/sys/net/ipv4/neigh/near/mcast_solicit &&
  exec "$@"`;

const inNetwork = (command: readonly string[]): string[] => ["unshare", "-rn", "sh", "-c", SETUP, "sh", ...command];

/** The command line that runs `command` there. */
export function inUnreachableNetwork(command: readonly string[]): [string, ...string[]] {
  return inNetwork(command) as [string, ...string[]];
}

const [command, ...args] = inNetwork(["true"]);
/** Why there can be no such network here, or false. */
export const skip: string | false =
  process.platform === "linux" && spawnSync(command!, args).status === 0
    ? false
    : "no network of its own can be had here (unshare)";
