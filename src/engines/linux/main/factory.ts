/** Whether this process can have the linux engine, and making one. */
import { openLibc } from "#ffi";
import { netError } from "../../../net/net-error.ts";
import { messageOf } from "../../../util/errors.ts";
import type { EngineFactory } from "../../engine.ts";
import type { Libc } from "../sys/libc.ts";
import { selfTest } from "../sys/self-test.ts";
import { threadMissing } from "../worker/thread.ts";
import { LinuxEngine } from "./engine.ts";
import { socketsLacking } from "./socket-trial.ts";

/** Null when this process cannot have the engine at all; else its C library. */
function library(): Libc | string {
  if (process.platform !== "linux") return `it needs Linux, and this is ${process.platform}`;
  try {
    return openLibc() ?? "this runtime has no foreign functions (Node: version 26 or newer, with --experimental-ffi)";
  } catch (error) {
    return `the C library cannot be called: ${messageOf(error)}`;
  }
}

/** It listens wherever Linux does. */
export const linux: EngineFactory = {
  name: "linux",
  async test({ sockets }) {
    const libc = library();
    if (typeof libc === "string") return libc;
    return (
      threadMissing() ?? selfTest(libc, process.arch) ?? (sockets === undefined ? null : socketsLacking(libc, sockets))
    );
  },
  create(options) {
    const libc = library();
    if (typeof libc === "string") throw netError("EINVAL", `the linux engine cannot run: ${libc}`);
    return new LinuxEngine(options, libc);
  },
};
