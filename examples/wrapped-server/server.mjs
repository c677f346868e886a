/** A web server that knows nothing of Harmony. At SIGTERM it answers what is under way, and ends. */
import { createServer } from "node:http";

const port = Number(process.env.PORT ?? 8080);

const server = createServer((_request, response) => {
  setTimeout(() => response.end(`served on port ${port}\n`), 20);
});
server.listen(port, () => console.log(`serving on port ${port}`));

process.on("SIGTERM", () => server.close());
