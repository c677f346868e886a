/**
 * What HAProxy asks beside each server (agent-check): `agent.ts PATIENCE`, on AGENT_PORT. It says what a request to the server on its own
 * machine comes to, as Harmony's reporter does with a check.
 */
import { get } from "node:http";
import { createServer } from "node:net";
import { AGENT_PORT, HTTP_PORT } from "./world.ts";

const patience = Number(process.argv[2]);

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  void ask().then((works) => socket.end(works ? "up\n" : "down\n"));
}).listen(AGENT_PORT, () => console.log("ready"));

function ask(): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(patience);
    const asked = get({ port: HTTP_PORT, host: "127.0.0.1", agent: false, signal }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
      response.on("error", () => resolve(false));
    });
    asked.on("error", () => resolve(false));
  });
}
