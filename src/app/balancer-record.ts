/** What a reporter knows of one balancer: the last of each event, with its time, and what the client counts. */
import type { Registration, ReportedBalancer } from "../admin/reporter/schema.ts";
import type { ControlClient, ControlClientEvents, Trouble } from "../control/client/client.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { EventOf } from "../util/emitter.ts";

interface Known {
  name: string | null;
  isRegistered: boolean;
  /** Wall clock, as all times here. */
  since: number;
  trouble: Trouble | null;
}

export class BalancerRecord {
  readonly #balancer: TcpAddress;
  readonly #ports: readonly number[];
  readonly #targets: readonly Known[];
  #since = Date.now();
  #wasConnected = false;
  #software: string | null = null;
  #trouble: Trouble | null = null;

  constructor(balancer: TcpAddress, ports: readonly number[]) {
    this.#balancer = balancer;
    this.#ports = ports;
    this.#targets = ports.map(() => ({ name: null, isRegistered: false, since: this.#since, trouble: null }));
  }

  /** Each event of its client. */
  hear(event: EventOf<ControlClientEvents>): void {
    switch (event[0]) {
      case "connected":
        this.#software = `${event[1].name} ${event[1].version}`;
        this.#turn(true, null);
        break;
      case "registered":
        this.#registered(this.#targets[event[2]]!, true, null, event[1]);
        break;
      case "rejected":
        if (event[2] === null) this.#turn(false, event[1]);
        else this.#registered(this.#targets[event[2]]!, false, event[1]);
        break;
      case "lost":
      case "goodbye":
        this.#turn(false, event[1]);
        break;
      case "unopened": // it is registered all the same
      case "unwakeable":
      case "inexact":
      case "wake": // and still
    }
  }

  view({ isConnected, answers }: Pick<ControlClient, "isConnected" | "answers">): ReportedBalancer {
    // A trouble is told once: a connection that is lost by the same one again tells nothing.
    if (isConnected !== this.#wasConnected) this.#turn(isConnected, isConnected ? null : this.#trouble);
    return {
      address: formatAddress(this.#balancer),
      isConnected,
      since: textOf(this.#since),
      software: this.#software,
      trouble: this.#trouble,
      targets: this.#targets.map((known, ref) => this.#registration(known, ref, answers[ref] ?? null)),
    };
  }

  #registration(
    { name, isRegistered, since, trouble }: Known,
    ref: number,
    answer: ControlClient["answers"][number],
  ): Registration {
    return {
      target: name,
      port: this.#ports[ref]!,
      isRegistered,
      since: textOf(since),
      active: answer?.active ?? null,
      credits: answer?.credits ?? null,
      answeredAt: answer === null ? null : textOf(Date.now() - answer.agoMs),
      trouble,
    };
  }

  #turn(isConnected: boolean, trouble: Trouble | null): void {
    if (isConnected !== this.#wasConnected) this.#since = Date.now();
    this.#wasConnected = isConnected;
    this.#trouble = trouble;
    if (isConnected) return;
    // The balancer has them until their leases end, or it finds that they are gone: from here that cannot be seen.
    for (const known of this.#targets) if (known.isRegistered) this.#registered(known, false, null);
  }

  #registered(known: Known, isRegistered: boolean, trouble: Trouble | null, name = known.name): void {
    if (isRegistered !== known.isRegistered) known.since = Date.now();
    Object.assign(known, { isRegistered, trouble, name });
  }
}

function textOf(time: number): string {
  return new Date(time).toISOString();
}
