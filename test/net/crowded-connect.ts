/** Connects while no descriptor is left, and prints the error codes. Started with few of them by descriptors-connect.test.ts. */
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { runtime } from "#runtime";

let accepted = (): void => {};
const acceptance = new Promise<void>((resolve) => {
  accepted = resolve;
});
const listener = await runtime.listen({ host: "127.0.0.1", port: 0 }, () => accepted());
const known = listener.address;
await runtime.connect({ to: known }); // some runtimes use another call for addresses that have answered before
await acceptance;

const held: number[] = [];
const codes: string[] = [];
async function attempt(port: number, host = "127.0.0.1"): Promise<void> {
  const outcome = runtime.connect({ to: { host, port } });
  codes.push(
    await outcome.then(
      () => "connected",
      (error) => error.code,
    ),
  );
}
/** Right before each attempt, since a runtime may close files of its own at any time: one attempt in five found one on Node 26. */
function takeAll(): string {
  try {
    for (;;) held.push(openSync(devNull, "r"));
  } catch (error) {
    return (error as { code: string }).code;
  }
}
codes.push(takeAll());
await attempt(known.port);
takeAll();
await attempt(known.port, "127.0.0.2");
for (const descriptor of held.splice(0)) closeSync(descriptor);
await attempt(known.port);
await listener.close();
await attempt(known.port);
console.log(JSON.stringify(codes));
process.exit();
