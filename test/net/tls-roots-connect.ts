/** Connects to a TLS server with several sets of authorities, and prints how each attempt went. */
import { runtime } from "#runtime";
import { ca, certificate, renewedCa } from "../support/certificates.ts";

const server = await runtime.listen({ host: "127.0.0.1", port: 0, tls: certificate }, (peer) => void peer.close());
const outcomes: string[] = [];
for (const tls of [{}, { ca }, { ca: renewedCa }]) {
  const outcome = runtime.connect({ to: server.address, tls }).then(
    (connection) => {
      connection.abort();
      return "connected";
    },
    (error) => error.code,
  );
  outcomes.push(await outcome);
}
console.log(JSON.stringify(outcomes));
process.exit();
