/**
 * `make fuzz`: draws inputs for everything that reads what strangers and people write, and shows what fails, with the smallest input that
 * does. CORPUS=… takes only those whose name begins so, SECONDS=… is for each of them (60), RUNS=… ends it after so many values, SEED=…
 * draws as a failure did. fast-check draws; it knows what the inputs are made of, runs on all three runtimes and shrinks. A
 * coverage-guided engine (Jazzer.js, 105 packages, for Node alone) would find its way into formats that nobody describes to it.
 */
import { CORPORA } from "../test/fuzz/corpora/index.ts";
import { fuzz, type Limits } from "../test/fuzz/fuzz.ts";

const { CORPUS = "", SECONDS, RUNS, SEED } = process.env;
const chosen = CORPORA.filter(({ name }) => name.startsWith(CORPUS));
if (chosen.length === 0) {
  console.error(`No corpus is called ${CORPUS}: choose from ${CORPORA.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}
const seed = SEED ? Number(SEED) : Math.floor(Math.random() * 2 ** 31);
const limits: Limits = {
  seconds: SECONDS ? Number(SECONDS) : RUNS ? Number.POSITIVE_INFINITY : 60,
  ...(RUNS && { runs: Number(RUNS) }),
};
let total = 0;
for (const corpus of chosen) {
  const { inputs, seconds, failure } = await fuzz(corpus, seed, limits);
  total += inputs;
  const rate = Math.round(inputs / seconds);
  const memory = Math.round(process.memoryUsage.rss() / 2 ** 20);
  console.log(
    `${corpus.name}: ${inputs} inputs, ${rate} a second, ${failure === null ? "none failed" : "FAILED"}, ${memory} MB (SEED=${seed})`,
  );
  if (failure !== null) {
    console.log(failure);
    process.exitCode = 1;
  }
}
console.log(`${total} inputs`);
