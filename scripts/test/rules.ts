/**
 * Which test file runs in which forms. **A file of which nothing is said here runs in every form that can run it**: outside of the
 * black-box tests that is every form from source. The first rule decides that names the file, or the beginning of its path. A rule
 * leaves out the forms that could show nothing which the others do not; it is no place for a test that fails there.
 */
import { OLDEST_NODE } from "../runtimes.ts";

const SOURCE = ["node", "bun", "deno"] as const;
const NODES = ["node-oldest", "node-newest"] as const;
const COMPILED = ["compiled-bun", "compiled-deno"] as const;
const PORTABLE = ["compiled-bun-portable", "compiled-deno-portable"] as const;

export type FormName =
  | (typeof SOURCE)[number]
  | (typeof NODES)[number]
  | "node-newest-ffi"
  | (typeof COMPILED)[number]
  | (typeof PORTABLE)[number];

interface Rule {
  readonly files: readonly string[];
  readonly forms: readonly FormName[];
}

const blackbox = (names: string): string[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => `test/blackbox/${name}.test.ts`);

export const RULES: readonly Rule[] = [
  // They start every runtime themselves, or look at what is the same for all: documents, declarations, packages. Or a browser is what
  // runs the code, and Node drives it.
  { files: ["test/package/", "test/dashboard/"], forms: ["node"] },

  // The adapters to what a runtime has (files, sockets, processes, threads) in rooms that otherwise have none.
  {
    files: [
      "test/config/certificate-files.test.ts",
      "test/edge/access/threads.test.ts",
      "test/pool/threads.test.ts",
      "test/proxy/unavailable-socket.test.ts",
      "test/targets/health/exec.test.ts",
      "test/telemetry/access-log.test.ts",
      "test/util/edited-file.test.ts",
    ],
    forms: [...SOURCE, ...NODES],
  },
  // Another server in Redis's place: it does not differ by who asks it.
  { files: ["test/group/valkey", ...blackbox("group-valkey")], forms: ["node"] },
  // A real Redis, over the sockets that each runtime gives its npm packages.
  { files: ["test/group/redis"], forms: SOURCE },
  // Nothing but the language: V8 and JavaScriptCore run it, and the oldest V8 shows what that lacks. (Control is not among them: Deno's
  // node:crypto is its own.)
  {
    files: ["config/", "edge/", "fuzz/", "group/", "pool/", "proxy/", "targets/", "telemetry/", "util/"].map(
      (room) => `test/${room}`,
    ),
    forms: ["node", "bun", "node-oldest"],
  },

  // What commands print, what each flag does that an engine or a runtime has no part in, and how that is written on a terminal. The compiled
  // programs show it in the black-box tests.
  {
    files: [
      ...["check", "commands/", "completion", "effects-balancer", "effects-brought", "effects-reporter"],
      ...["invite", "key", "target-names", "terminal/"],
    ].map((part) => `test/bin/${part}`),
    forms: ["node"],
  },
  // Programs, whose code does not depend on which Node it is; the smoke test below runs on each.
  { files: ["test/bin/"], forms: SOURCE },
  { files: ["test/examples/"], forms: ["node"] },

  // A simulated kernel: nothing but the language, again.
  {
    files: ["simula", "socket-options", "target-close"].map((name) => `test/engines/linux/${name}`),
    forms: ["node", "bun"],
  },
  // Only there is this engine.
  { files: ["test/engines/linux/"], forms: [...SOURCE, "node-newest-ffi"] },

  // The smoke test: many connections through running programs, and a rolling restart.
  { files: blackbox("load"), forms: [...SOURCE, ...NODES, ...COMPILED, ...PORTABLE] },
  // The control channel, the looking up of targets, what operators order and see, and the ways to the API and the dashboard: no engine
  // is part of it, and what a runtime is part of, the rooms' own tests show from source. (What the API sees and ends of an engine's
  // connections, "api" shows in every form.) Programs on Node are what test/bin, the documents and the examples run.
  {
    files: blackbox(`
      access-log advertise anywhere api-access auto-weight bad-input bindings checks dashboard group-revocation group-shares join key-rotation log metrics nat
      operating orders own-key-rotation panic reporter-checks service-manager services silent-reporter static-targets strangers
    `),
    forms: COMPILED,
  },
  // What the linux engine alone does, in networks that root alone makes.
  { files: blackbox("paths"), forms: COMPILED },
  // What becomes of a group, in networks again: what of it depends on a runtime, the tests of its store show in each.
  { files: blackbox("group-failures group-network group-services kubernetes"), forms: ["compiled-bun"] },
  // What a limit over several balancers takes of an engine: of each one, on two runtimes.
  { files: blackbox("credits permits"), forms: ["compiled-bun", "compiled-deno-portable"] },
  // What engines do for servers that people use, and at a reload: with the portable one, which is all that Node has, and the other.
  {
    files: blackbox(
      "choosing descriptors edge-clients edge-names edge-real edge-tls edge-tls-trust group hung on-demand postgresql real-servers reload stopped unreachable",
    ),
    forms: ["node", ...COMPILED],
  },
  // A program compiled with Bun runs on the same Bun as from source; one compiled with Deno may run on an older Deno than ours.
  { files: ["test/blackbox/"], forms: ["node", "deno", ...COMPILED, ...PORTABLE] },

  { files: ["test/"], forms: [...SOURCE, ...NODES] },
];

/**
 * They hold programs to times: each runs by itself, after all others, since what they measure beside two more files
 * is how many processors the machine has.
 */
const ALONE = [
  ...blackbox(
    "auto-weight credits group-network hung join key-rotation kubernetes permits reporter-checks silent-reporter",
  ),
  "test/examples/keepalived.test.ts",
  "test/examples/ecmp.test.ts",
];

export function runsAlone(file: string): boolean {
  return ALONE.includes(file);
}

/** Two releases of one major version differ in their own modules, if at all: what runs on the oldest Node where the one at hand is such. */
const SAME_MAJOR = ["test/net/", "test/library/", "test/blackbox/load.test.ts"];

/** Whether the file runs in the form; `atHand` is the version of the Node that runs "node". */
export function runsIn(file: string, form: FormName, atHand: string = process.versions.node): boolean {
  const same = form === "node-oldest" && major(atHand) === major(OLDEST_NODE);
  if (same && !SAME_MAJOR.some((beginning) => file.startsWith(beginning))) return false;
  return RULES.find(({ files }) => files.some((beginning) => file.startsWith(beginning)))!.forms.includes(form);
}

function major(version: string): string {
  return version.split(".")[0]!;
}
