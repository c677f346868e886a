/** Addresses of this machine from which targets are connected to, those of a target's family in turn. */
import type { Connection, ConnectOptions, Runtime } from "../../net/runtime.ts";
import type { TargetSocketOptions } from "../../net/socket-options.ts";
import { codeOf } from "../../util/errors.ts";

export class Sources {
  readonly #v4: readonly string[];
  readonly #v6: readonly string[];
  #turn = 0;

  private constructor(hosts: readonly string[]) {
    this.#v4 = hosts.filter((host) => !host.includes(":"));
    this.#v6 = hosts.filter((host) => host.includes(":"));
  }

  /** null: as the kernel chooses. */
  static of({ source = [] }: TargetSocketOptions = {}): Sources | null {
    return source === "client" || source.length === 0 ? null : new Sources(source);
  }

  /** Where one has no port left, or is not there, the next one is tried. */
  async connect(runtime: Runtime, options: ConnectOptions): Promise<Connection> {
    const hosts = this.#to(options);
    if (hosts.length === 0) return runtime.connect(options);
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    for (let tried = 1; ; tried++) {
      const from = hosts[(this.#turn + tried) % hosts.length]!;
      try {
        return await runtime.connect({ ...options, from });
      } catch (error) {
        if (codeOf(error) !== "EADDRNOTAVAIL" || tried >= hosts.length) throw error;
      }
    }
  }

  #to({ to }: ConnectOptions): readonly string[] {
    if ("path" in to) return [];
    return to.host.includes(":") ? this.#v6 : this.#v4;
  }
}

/** What is asked of sockets to targets beside what Sources does here. */
export function besideSources({ can }: Pick<Runtime, "can">, wanted: TargetSocketOptions): TargetSocketOptions {
  return can.localAddress && wanted.source !== "client" ? { ...wanted, source: undefined } : wanted;
}
