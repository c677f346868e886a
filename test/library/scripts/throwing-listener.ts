/** A listener throws while the balancer starts; the balancer is ready all the same, and the error is uncaught. */
import harmony from "../../../src/index.ts";

process.on("uncaughtException", (error) => {
  console.log(`uncaught: ${error.message}`);
  void balancer.ready.then(() => {
    console.log("ready");
    return balancer.close();
  });
});
const balancer = harmony.server({ host: "127.0.0.1", listenport: 0, adminport: 0, insecure: true });
balancer.on("listening", () => {
  throw new Error("from a listener");
});
