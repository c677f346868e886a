/** Connects to each address that is given and prints the error codes. */
import { runtime } from "#runtime";

const addresses = process.argv.slice(2);
const codes = await Promise.all(
  addresses.map((host) =>
    runtime.connect({ to: { host, port: 9 } }).then(
      () => "connected",
      (error) => error.code,
    ),
  ),
);
console.log(JSON.stringify(codes));
process.exit();
