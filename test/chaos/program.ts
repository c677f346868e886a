/** `program.ts`: chaos on the form that HARMONY_TEST_FORM and HARMONY_TEST_ENGINE name, for MINUTES, from SEED on. */
import { chaos, whyNoChaos } from "./chaos.ts";

const missing = whyNoChaos();
if (missing) {
  console.log(`No chaos here: ${missing}.`);
  process.exit(0);
}
const started = performance.now();
const say = (text: string): void => {
  const seconds = (performance.now() - started) / 1000;
  console.log(`${seconds.toFixed(1).padStart(7)} ${text}`);
};
const seed = Number(process.env.SEED || Math.floor(Math.random() * 2 ** 31));
const wrong = await chaos({ seed, ms: Number(process.env.MINUTES || 1) * 60_000, roundMs: 5_000, crowd: 1, say });
process.exit(wrong.length > 0 ? 1 : 0);
