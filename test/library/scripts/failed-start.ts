/** Two balancers want one port, and nobody listens for errors: the second one's has to be thrown. */
import harmony from "../../../src/index.ts";

const options = { host: "127.0.0.1", listenport: 0, adminport: 0, insecure: true };
const first = harmony.server(options);
void first.ready.then(({ listen }) => {
  harmony.server({ ...options, listenport: listen[0]!.port });
});
