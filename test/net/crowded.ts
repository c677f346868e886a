/** An echo server that prints its state ten times a second. Started with few descriptors by descriptors.test.ts. */
import { runtime } from "#runtime";
import type { Connection } from "../../src/net/runtime.ts";

const PRINT_EVERY = 100;
process.on("SIGTERM", () => process.exit()); // Deno 2.9.6 panics when it first needs its signal handling without a descriptor
let accepted = 0;
const errors = new Set<string>();

async function echo(connection: Connection): Promise<void> {
  for (;;) {
    const bytes = await connection.read();
    if (bytes === null) break;
    await connection.write(bytes);
  }
  await connection.close();
}

const listener = await runtime.listen(
  { host: "127.0.0.1", port: 0 },
  (connection) => {
    accepted += 1;
    echo(connection).catch(() => connection.abort());
  },
  (error) => errors.add(error.code),
);
const print = (): void => {
  const { user, system } = process.cpuUsage();
  console.log(
    JSON.stringify({ port: listener.address.port, accepted, errors: [...errors], cpu: (user + system) / 1000 }),
  );
};
print();
setInterval(print, PRINT_EVERY);
