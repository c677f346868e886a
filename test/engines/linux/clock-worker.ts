/** A thread that believes to have been started an hour later than it was, as after a change of the date. Posts its time. */
import { parentPort } from "node:worker_threads";

Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + 3_600_000 });
const { openLibc } = await import("#ffi");
parentPort!.postMessage(openLibc()!.now());
