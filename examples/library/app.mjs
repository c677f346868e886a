/** An application that registers itself at the balancer whose admin port is ADMIN_PORT. */
import { createServer } from "node:http";
import harmony from "node-harmony";

const server = createServer((_request, response) => response.end(`served by process ${process.pid}\n`));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const target = harmony.client({
  adminport: Number(process.env.ADMIN_PORT ?? 1666),
  port: server.address().port,
});
target.on("registered", (_balancer, name) => console.log(`registered as ${name}`));

process.on("SIGTERM", async () => {
  await target.drain(); // no new connections from now on; resolves once the open ones have ended
  await target.close();
  server.close();
});
