/**
 * What a cluster makes of its kubelets' words: which pods are endpoints of a Service, and on this node the rules for it, as its kube-proxy
 * writes them: `control-plane-program.ts PLAN`, which is JSON. Prints which endpoints there are each time the rules have changed. A line
 * "delete ADDRESS" of standard input does to that pod what kubectl does: it is no endpoint from then on, and told to stop by who has said so.
 */
import { spawnSync } from "node:child_process";
import { createServer, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import type { PodState } from "./kubelet-program.ts";
import { rulesOf, type Service } from "./rules.ts";
import { GRACE, MONITOR_PERIOD, PROPAGATION } from "./times.ts";

export interface ControlPlanePlan {
  readonly service: Service;
  /** Where kubelets tell of pods. */
  readonly port: number;
}

/** The rules of this node, as of a time. */
export interface Endpoints {
  readonly endpoints: readonly string[];
  /** Unix time, ms. */
  readonly at: number;
}

interface Pod extends PodState {
  readonly heard: number;
  readonly isTerminating: boolean;
}

const { service, port } = JSON.parse(process.argv[2]!) as ControlPlanePlan;
const pods = new Map<string, Pod>();
let current: readonly string[] | null = null;
let isDue = false;

function endpoints(): string[] {
  const earliest = performance.now() - GRACE;
  const ready = [...pods.values()].filter((pod) => pod.ready && !pod.isTerminating && pod.heard >= earliest);
  return ready.map(({ address }) => address).sort();
}

function write(): void {
  isDue = false;
  const wanted = endpoints();
  if (current?.join() === wanted.join()) return;
  current = wanted;
  const { status, stderr } = spawnSync("nft", ["-f", "-"], { input: rulesOf(service, wanted), encoding: "utf8" });
  if (status !== 0) throw new Error(`nft: ${stderr}`);
  console.log(JSON.stringify({ endpoints: wanted, at: Date.now() } satisfies Endpoints));
}

function writeSoon(): void {
  if (isDue || current?.join() === endpoints().join()) return;
  isDue = true;
  setTimeout(write, PROPAGATION);
}

async function hear(request: IncomingMessage): Promise<void> {
  let text = "";
  for await (const chunk of request) text += chunk;
  const state = JSON.parse(text) as PodState;
  const known = pods.get(state.address);
  const isTerminating = known?.pod === state.pod && known.isTerminating;
  pods.set(state.address, { ...state, isTerminating, heard: performance.now() });
  writeSoon();
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const [, address] = line.split(" ");
  const pod = pods.get(address!);
  if (pod) pods.set(pod.address, { ...pod, isTerminating: true });
  writeSoon();
});
setInterval(writeSoon, MONITOR_PERIOD);
write(); // there is none: who comes is refused
createServer((request, response) => void hear(request).then(() => response.end())).listen(port);
