// Listens with the shortest backlog and then blocks its thread, so that nothing is ever accepted. See blackHole() in kit.ts.
import { createServer } from "node:net";
import { workerData as shared } from "node:worker_threads";

const PORT = 0;
const RELEASE = 1;

const server = createServer().listen(0, "127.0.0.1", 1, () => {
  Atomics.store(shared, PORT, server.address().port);
  Atomics.wait(shared, RELEASE, 0);
  server.close();
});
