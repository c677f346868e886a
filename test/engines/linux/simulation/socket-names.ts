/** The names of Unix sockets in a simulation, which has no files: neither owners nor modes. */
import type { BindSocketFile } from "../../../../src/engines/linux/main/sockets.ts";
import type { SimulatedKernel } from "../../../support/kernel/kernel.ts";

export function bindSimulated({ unix }: SimulatedKernel): BindSocketFile {
  return async ({ path }, bind) => ({
    bound: bind(path),
    file: { change: () => undefined, remove: () => unix.unlink(path) },
  });
}
