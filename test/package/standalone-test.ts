/**
 * Stands in for `node:test` in a compiled program, which no runtime's test runner can look into: runs what `describe` and `it`
 * register, one after the other, prints a JSON line for each test, and then runs what `after` registers, in whichever suite.
 * Exit code 1 if one failed.
 */
interface Options {
  readonly skip?: string | boolean;
}
type Body = () => unknown;

interface Test {
  readonly name: string;
  readonly skip: string | boolean;
  readonly body: Body;
}

/** ms one test may take before it counts as hanging. */
const TIMEOUT_MS = 30_000;

const tests: Test[] = [];
const ends: Body[] = [];
let path: string[] = [];
let skipped: string | boolean = false;

function parts(args: readonly [string, ...unknown[]]): [string, Options, Body] {
  const [name, first, second] = args;
  return typeof first === "function" ? [name, {}, first as Body] : [name, first as Options, second as Body];
}

export function describe(...args: [string, Options | Body, Body?]): void {
  const [name, { skip = false }, body] = parts(args);
  const outer = { path, skipped };
  path = [...path, name];
  skipped = skipped || skip;
  body();
  ({ path, skipped } = outer);
  if (path.length === 0) schedule();
}

export function it(...args: [string, Options | Body, Body?]): void {
  const [name, { skip = false }, body] = parts(args);
  tests.push({ name: [...path, name].join(" > "), skip: skipped || skip, body });
}

export function after(body: Body): void {
  ends.push(body);
}

let scheduled = false;
/** Once every suite of the program has registered. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => void runAll(), 0);
}

async function runAll(): Promise<void> {
  let failed = false;
  for (const { name, skip, body } of tests) {
    const error = skip ? null : await failure(body);
    failed ||= error !== null;
    const outcome = skip ? "skipped" : error === null ? "passed" : "failed";
    console.log(JSON.stringify({ name, outcome, reason: skip || error?.stack }));
  }
  for (const end of ends) await end();
  process.exit(failed ? 1 : 0); // what a failed test has left open must not keep it
}

async function failure(body: Body): Promise<Error | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  try {
    await Promise.race([body(), late]);
    return null;
  } catch (error) {
    return error as Error;
  } finally {
    clearTimeout(timer);
  }
}
