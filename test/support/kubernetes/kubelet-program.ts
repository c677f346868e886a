/**
 * What a node's kubelet does for a pod that is to serve: asks its readiness probe, and tells the control plane what that comes to when it
 * has changed, and at intervals that the node is there: `kubelet-program.ts PLAN`, which is JSON.
 */
import { setTimeout as delay } from "node:timers/promises";
import { LEASE_INTERVAL } from "./times.ts";

/** As the manifest has it, with what it leaves out. */
export interface Probe {
  readonly path: string;
  readonly port: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export interface KubeletPlan {
  /** The pod's. */
  readonly address: string;
  readonly probe: Probe;
  /** Where the control plane is told. */
  readonly controlPlane: string;
}

/** What the control plane is told. `pod`: another one that has the address later on is not this one. */
export interface PodState {
  readonly pod: string;
  readonly address: string;
  readonly ready: boolean;
}

/** ms that the control plane has to answer. */
const PATIENCE = 2_000;

const { address, probe, controlPlane } = JSON.parse(process.argv[2]!) as KubeletPlan;
const pod = crypto.randomUUID();

async function isHealthy(): Promise<boolean> {
  const url = `http://${address}:${probe.port}${probe.path}`;
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(probe.timeoutSeconds * 1000) });
    return status >= 200 && status < 400;
  } catch {
    return false;
  }
}

/** Whether it was heard. */
async function tell(ready: boolean): Promise<boolean> {
  const body = JSON.stringify({ pod, address, ready } satisfies PodState);
  try {
    const { ok } = await fetch(controlPlane, { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
    return ok;
  } catch {
    return false;
  }
}

let isReady = false;
/** Answers in a row that say otherwise. */
let contrary = 0;
let told: { readonly ready: boolean; readonly at: number } = { ready: false, at: Number.NEGATIVE_INFINITY };

for (;;) {
  const next = performance.now() + probe.periodSeconds * 1000;
  contrary = (await isHealthy()) === isReady ? 0 : contrary + 1;
  if (contrary >= (isReady ? probe.failureThreshold : probe.successThreshold)) {
    isReady = !isReady;
    contrary = 0;
  }
  if (told.ready !== isReady || performance.now() - told.at >= LEASE_INTERVAL) {
    if (await tell(isReady)) told = { ready: isReady, at: performance.now() };
  }
  await delay(Math.max(0, next - performance.now()));
}
