/** The entry of a TLS thread: carries out orders, and ends when it is terminated. */
import { parentPort, workerData } from "node:worker_threads";
import { toNetError } from "../../net/net-error.ts";
import type { Order, PostedOrder, ThreadData, ThreadMessage } from "../orders.ts";
import { Thread } from "./thread.ts";

function post(message: ThreadMessage): void {
  parentPort!.postMessage(message);
}

const thread = new Thread({
  ...(workerData as ThreadData),
  warn: (message, cause) =>
    post({ type: "warning", message: cause instanceof Error ? `${message}: ${cause.message}` : message }),
});

// One after the other: a listener is bound before it serves.
let last: Promise<void> = Promise.resolve();
parentPort!.on("message", ({ serial, order }: PostedOrder) => {
  last = last.then(() => carryOut(serial, order));
});

async function carryOut(serial: number, order: Order): Promise<void> {
  try {
    const address = await thread.carryOut(order);
    post({ type: "done", serial, address });
  } catch (error) {
    const { code, message } = toNetError(error, "a TLS thread failed");
    post({ type: "failed", serial, code, message });
  }
}

post({ type: "running" });
