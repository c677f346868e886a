/** A node of a cluster, with the rules that its kube-proxy would write, and the kubelets of other nodes, which tell it of pods. */
import { spawnSync } from "node:child_process";
import { scriptCommand } from "../form.ts";
import { type Machine, noNetworks } from "../machine.ts";
import type { Program } from "../program.ts";
import { until } from "../wait.ts";
import { noYaml } from "../yaml.ts";
import type { ControlPlanePlan, Endpoints } from "./control-plane-program.ts";
import type { KubeletPlan, Probe } from "./kubelet-program.ts";
import { rulesOf, type Service } from "./rules.ts";

const PORT = 6443;
/** ms that programs have to start, and endpoints to come and go, on a busy machine. */
const PATIENCE = 90_000;

/** Why a node cannot have such rules here, or false. */
export const noServices: string | false = noNetworks || noYaml || noRules();

function noRules(): string | false {
  const service: Service = {
    address: "10.96.0.1",
    ports: [{ port: 1, targetPort: 2 }],
    outside: [],
    pods: "10.0.0.0/8",
  };
  const input = rulesOf(service, ["10.0.0.1", "10.0.0.2"]);
  const { status } = spawnSync("unshare", ["--net", "nft", "-f", "-"], { input });
  return status !== 0 && "there is no nft here, or it cannot do what kube-proxy asks of it";
}

export class KubernetesNode {
  readonly #controlPlane: Program;
  readonly #address: string;
  readonly #probe: Probe;

  /** `address`: where other nodes reach this one. */
  static async start(machine: Machine, address: string, service: Service, probe: Probe): Promise<KubernetesNode> {
    machine.must("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    const plan: ControlPlanePlan = { service, port: PORT };
    const command = [...scriptCommand("test/support/kubernetes/control-plane-program.ts"), JSON.stringify(plan)];
    const node = new KubernetesNode(machine.run(command, {}, { stdin: true }), address, probe);
    await node.has([]);
    return node;
  }

  private constructor(controlPlane: Program, address: string, probe: Probe) {
    this.#controlPlane = controlPlane;
    this.#address = address;
    this.#probe = probe;
  }

  /** The kubelet of a pod's node, on the pod's machine: the probe goes on until the pod is gone, and another one begins anew. */
  kubelet(machine: Machine, address: string): Program {
    const plan: KubeletPlan = { address, probe: this.#probe, controlPlane: `http://${this.#address}:${PORT}/` };
    return machine.run([...scriptCommand("test/support/kubernetes/kubelet-program.ts"), JSON.stringify(plan)]);
  }

  /** The pod is no endpoint any more as soon as nodes hear of it. To end it is up to the caller. */
  delete(address: string): void {
    this.#controlPlane.tell(`delete ${address}`);
  }

  /** Resolves when the rules have these endpoints: since when, in Unix time, ms. */
  async has(addresses: readonly string[]): Promise<number> {
    const wanted = [...addresses].sort().join();
    const { at } = await until(
      `the endpoints ${wanted}`,
      () => {
        if (this.#controlPlane.exit) throw new Error(`the control plane has ended: ${this.#controlPlane.stderr}`);
        const last = this.#controlPlane.printed.at(-1) as Endpoints | undefined;
        return last !== undefined && last.endpoints.join() === wanted && last;
      },
      PATIENCE,
    );
    return at;
  }
}
