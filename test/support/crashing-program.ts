/**
 * A server that ends after its first answer, with code 3: `crashing-program.ts NAME PORT [FILE]`. While that file is there it does not
 * start, and ends with code 4.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";

const [name = "", port = "0", flag] = process.argv.slice(2);
if (flag !== undefined && existsSync(flag)) process.exit(4);
createServer((_request, response) => {
  response.setHeader("connection", "close");
  response.end(name, () => setTimeout(() => process.exit(3), 50));
}).listen(Number(port), "127.0.0.1");
