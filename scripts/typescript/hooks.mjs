/**
 * Node's hook for TypeScript files: what esbuild makes of one is kept in node_modules/.cache, since a program of the tests is
 * started hundreds of times; `make mutate` has one file read from elsewhere. Only types are taken out, so that a file depends on nothing but its own text.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const cache = fileURLToPath(new URL("../../node_modules/.cache/typescript/", import.meta.url));
const { version } = require("esbuild/package.json");

/** As tsconfig.json has it; `using` is not in Node 20. */
const OPTIONS = {
  loader: "ts",
  target: "es2023",
  sourcemap: "inline",
  sourcesContent: false,
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true } },
};
const SEED = JSON.stringify([version, OPTIONS]);

/** For `module.registerHooks`. */
export function loadTypeScript(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  return { format: "module", source: javaScript(url, "esm"), shortCircuit: true };
}

/** For `module.register`, which awaits it. */
export const load = loadTypeScript;

/** For `module._extensions`: what a script in CommonJS requires, and all that this imports. */
export function requireTypeScript(loaded, file) {
  loaded._compile(javaScript(pathToFileURL(file).href, "cjs"), file, "commonjs");
}

function javaScript(url, format) {
  if (url === process.env.HARMONY_MUTANT)
    return transformed(readFileSync(process.env.HARMONY_MUTANT_TEXT, "utf8"), url, format);
  const source = readFileSync(fileURLToPath(url), "utf8");
  // The source map names the file, so the same text elsewhere is another entry.
  const file = cache + createHash("sha256").update(SEED).update(format).update(url).update(source).digest("hex");
  try {
    return readFileSync(file, "utf8");
  } catch {
    const code = transformed(source, url, format);
    keep(file, code);
    return code;
  }
}

function transformed(source, url, format) {
  return require("esbuild").transformSync(source, { ...OPTIONS, format, sourcefile: url }).code;
}

/** Renamed into place: another process may read it at any time. A cache that cannot be written is done without. */
function keep(file, code) {
  try {
    mkdirSync(cache, { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, code);
    renameSync(unfinished, file);
  } catch {}
}
