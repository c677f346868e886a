/** Prints what Bun's adapter finds out about each address after Bun has said of it that it refused. */
import { connectCode } from "../../src/net/bun/connect-errno.ts";

const codes = process.argv.slice(2).map((host) => connectCode(host, 9, 0));
console.log(JSON.stringify(await Promise.all(codes)));
