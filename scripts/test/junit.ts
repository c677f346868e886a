/** Reads the JUnit reports of node:test, `bun test` and `deno test`, which nest and name their cases differently. */

export type Outcome = "passed" | "failed" | "skipped";

export interface TestResult {
  /** Suites and test, joined by " > ". */
  readonly name: string;
  readonly outcome: Outcome;
  /** Of a skipped test, where the report tells it. */
  readonly reason: string;
}

const TAG = /<(\/?)(testsuite|testcase|skipped|failure|error)\b((?:[^>"]|"[^"]*")*?)(\/?)>/g;

/** One result per leaf: a test that only holds sub-tests counts through them, unless it failed and none of them did. */
export function readJunit(xml: string): TestResult[] {
  const cases = readCases(xml);
  const parents = new Set<string>();
  const failedBelow = new Set<string>();
  for (const { name, outcome } of cases) {
    for (let at = name.lastIndexOf(" > "); at > 0; at = name.lastIndexOf(" > ", at - 1)) {
      parents.add(name.slice(0, at));
      if (outcome === "failed") failedBelow.add(name.slice(0, at));
    }
  }
  return cases.filter(({ name, outcome }) => !parents.has(name) || (outcome === "failed" && !failedBelow.has(name)));
}

function readCases(xml: string): TestResult[] {
  const cases: TestResult[] = [];
  const suites: string[] = [];
  let open: { name: string; outcome: Outcome; reason: string } | undefined;
  for (const [, closing, tag, attributes, selfClosing] of xml.matchAll(TAG)) {
    if (tag === "testsuite") {
      if (closing) suites.pop();
      else if (!selfClosing) suites.push(attribute(attributes!, "name"));
    } else if (tag === "testcase") {
      if (!closing) {
        open = { name: fullName(suites, attribute(attributes!, "name")), outcome: "passed", reason: "" };
        cases.push(open);
      }
      if (closing || selfClosing) open = undefined;
    } else if (open && !closing) {
      open.outcome = tag === "skipped" ? "skipped" : "failed";
      if (tag === "skipped") open.reason = attribute(attributes!, "message");
    }
  }
  return cases;
}

/** Bun and Deno put a suite named after the file around all; Deno names a step by its whole path itself. */
function fullName(suites: readonly string[], name: string): string {
  return [...suites.filter((suite) => !/\.tsx?$/.test(suite)), name].join(" > ");
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return value.replace(/&(?:#(\d+)|lt|gt|quot|apos|amp);/g, (entity, code: string | undefined) =>
    code === undefined ? ENTITIES[entity]! : String.fromCodePoint(Number(code)),
  );
}

const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&" };
