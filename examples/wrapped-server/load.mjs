/**
 * Asks URL over and over, a few times at once and each time on a new connection, for SECONDS or until Ctrl-C:
 * `load.mjs URL [SECONDS]`.
 */
import { get } from "node:http";

const [url, seconds = "Infinity"] = process.argv.slice(2);
const AT_ONCE = 4;
let until = Date.now() + Number(seconds) * 1000;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    until = 0;
  });
}
let answered = 0;
let failed = 0;
const problems = new Set();

await Promise.all(Array.from({ length: AT_ONCE }, askOnAndOn));
console.log(`${answered} answered, ${failed} failed`);
for (const problem of problems) console.error(problem);
process.exitCode = failed > 0 ? 1 : 0;

async function askOnAndOn() {
  while (Date.now() < until) {
    try {
      await ask();
      answered++;
    } catch (error) {
      failed++;
      problems.add(error.message);
    }
  }
}

function ask() {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume().on("error", reject);
      response.on("end", () =>
        response.complete && response.statusCode === 200 ? resolve() : reject(new Error("cut off")),
      );
    });
    request.on("error", reject);
  });
}
