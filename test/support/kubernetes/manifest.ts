/** Two balancers behind a Service, as the example's manifest has them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { root } from "../../../scripts/runtimes.ts";
import { readYaml } from "../yaml.ts";
import type { Probe } from "./kubelet-program.ts";
import type { Outside, Service } from "./rules.ts";

export const BALANCERS = "examples/containers/kubernetes-two/balancers.yaml";
export const OUTSIDE = "examples/containers/kubernetes-two/outside.yaml";

interface Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readinessProbe: Partial<Probe> & { readonly httpGet?: { readonly path: string; readonly port: string } };
}

interface Workload {
  readonly replicas: number;
  readonly template: {
    readonly spec: { readonly containers: readonly [Container]; readonly terminationGracePeriodSeconds: number };
  };
}

interface ServiceSpec {
  readonly type?: string;
  readonly sessionAffinity?: string;
  readonly externalTrafficPolicy?: Outside["policy"];
  readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
}

interface Item {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: unknown;
}

export class Manifest {
  readonly #items: readonly Item[];

  private constructor(items: readonly Item[]) {
    this.#items = items;
  }

  static read(file: string): Manifest {
    return new Manifest(readYaml(join(root, file)) as Item[]);
  }

  /** The balancers' file. */
  get configuration(): string {
    return this.#item("ConfigMap", "harmony-balancer").data!["balancer.toml"]!;
  }

  get balancers(): Workload {
    return this.#item("StatefulSet", "harmony-balancer").spec as Workload;
  }

  get redis(): Workload {
    return this.#item("Deployment", "harmony-redis").spec as Workload;
  }

  service(name: string): ServiceSpec {
    return this.#item("Service", name).spec as ServiceSpec;
  }

  get probe(): Probe {
    const [{ ports, readinessProbe }] = this.balancers.template.spec.containers;
    const { httpGet, ...rest } = readinessProbe;
    const defaults = { periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3, successThreshold: 1 };
    return { ...defaults, ...rest, path: httpGet!.path, port: portOf(ports, httpGet!.port) };
  }

  #item(kind: string, name: string): Item {
    const item = this.#items.find((candidate) => candidate.kind === kind && candidate.metadata.name === name);
    assert.ok(item, `there is no ${kind} ${name}`);
    return item;
  }
}

/** What containers find in their environment, of secrets by `NAME/KEY`. */
export function environmentOf({ env }: Container, secrets: Readonly<Record<string, string>>): Record<string, string> {
  const valueIn = ({ valueFrom: { secretKeyRef: ref } }: Container["env"][number]) => secrets[`${ref.name}/${ref.key}`];
  return Object.fromEntries(env.map((entry) => [entry.name, valueIn(entry)!]));
}

/** The balancers' Service, at addresses that a cluster would choose. */
export function serviceOf(manifest: Manifest, address: string, pods: string, outside: readonly Outside[]): Service {
  const { ports, sessionAffinity = "None" } = manifest.service("harmony-balancer");
  assert.equal(sessionAffinity, "None"); // there are no rules for another one
  const [container] = manifest.balancers.template.spec.containers;
  const mapped = ports.map(({ port, targetPort }) => ({ port, targetPort: portOf(container.ports, targetPort) }));
  return { address, pods, outside, ports: mapped };
}

function portOf(ports: Container["ports"], name: string): number {
  return ports.find((port) => port.name === name)!.containerPort;
}
