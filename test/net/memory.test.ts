import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import { conformance } from "./conformance.ts";

const network = new MemoryNetwork();
conformance("memory", network, async () => {
  network.connectFault = () => "blackhole";
  return {
    address: { host: "127.0.0.1", port: 1 },
    open() {
      network.connectFault = null;
    },
    async close() {
      network.connectFault = null;
    },
  };
});
