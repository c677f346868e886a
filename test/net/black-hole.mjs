// Listens with the shortest backlog and then blocks its thread, so that nothing is accepted until it is opened. See
// blackHole() in kit.ts.
import { createServer } from "node:net";
import { workerData as shared } from "node:worker_threads";

const PORT = 0;
const OPEN = 1;

const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1", 1, () => {
  Atomics.store(shared, PORT, server.address().port);
  Atomics.wait(shared, OPEN, 0);
});
