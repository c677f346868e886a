/**
 * An engine that listens on descriptor 3, in front of a target that says hello, until it has three records. For inherited.test.ts;
 * the argument is its name.
 */
import { runtime } from "#runtime";
import { linux } from "../../src/engines/linux/main/factory.ts";
import { portable } from "../../src/engines/portable/engine.ts";
import { greeter } from "../support/peers.ts";
import { thisHost } from "./host.ts";
import { Lab } from "./lab.ts";

const where = { fd: 3 };
const engine = process.argv[2] === "linux" ? linux : portable;
const print = (line: object): void => console.log(JSON.stringify(line));

const reason = await engine.test({ listen: [where] });
if (reason !== null) {
  print({ reason });
} else {
  const lab = new Lab(thisHost(engine), { listen: [where], threads: 2 });
  await lab.start();
  await lab.target("one", greeter("hello"));
  const [listener] = lab.front.listeners;
  const twice = await lab.engine.bind(where, { keepalive: 0 }).then(
    () => null,
    (error) => error.code,
  );
  print({ address: listener!.address, twice, runtime: runtime.name });
  process.on("SIGTERM", async () => {
    await lab.recorded(3);
    await lab.engine.close(0);
    print({ records: lab.records.map(({ client, target, cause }) => [client.host, target, cause]) });
    process.exit();
  });
}
