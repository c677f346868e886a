/** Listens on the descriptor that is its argument, and says hello; started by inherited.test.ts, which passes it on. */
import { runtime } from "#runtime";

const where = { fd: Number(process.argv[2]) };
const print = (line: object): void => console.log(JSON.stringify(line));
process.on("SIGTERM", () => process.exit());

async function listen() {
  return runtime.listenOn(where, {}, async (connection) => {
    await connection.write(new TextEncoder().encode("hello"));
    await connection.close();
  });
}

try {
  const listener = await listen();
  const twice = await listen().then(
    () => null,
    (error) => error.code,
  );
  print({ address: listener.address, twice });
  process.on("SIGUSR2", async () => {
    await listener.close();
    const again = await listen().then(
      () => null,
      (error) => error.message,
    );
    print({ again });
  });
  setInterval(() => undefined, 60_000);
} catch (error) {
  const { code, message } = error as { code: string; message: string };
  print({ code, message });
}
