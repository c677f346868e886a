// Connects COUNT times and resets each connection as soon as it is established, while the listener's thread is blocked. See
// resetsWhileBlocked() in suite-peers.ts.
import { connect } from "node:net";
import { workerData } from "node:worker_threads";

const { shared, port, count } = workerData;
const READY = 0;
const GO = 1;
const DONE = 2;

Atomics.store(shared, READY, 1);
Atomics.wait(shared, GO, 0);
let closed = 0;
for (let i = 0; i < count; i++) {
  const socket = connect(port, "127.0.0.1", () => socket.resetAndDestroy());
  socket.on("close", () => {
    closed += 1;
    if (closed < count) return;
    Atomics.store(shared, DONE, 1);
    Atomics.notify(shared, DONE);
  });
}
