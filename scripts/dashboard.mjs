/**
 * Makes the dashboard's page one text that the programs carry: src/admin/dashboard/built.ts, from the files in page/ beside it and in
 * src/admin/shared/. Plain JavaScript, since scripts/install.mjs calls it before anything else runs.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const folder = fileURLToPath(new URL("../src/admin/dashboard/", import.meta.url));
const page = join(folder, "page");
/** All that is bundled is in these. */
const sources = [page, fileURLToPath(new URL("../src/admin/shared/", import.meta.url))];
const built = join(folder, "built.ts");

/** Only if it is not what the files say already. */
export function makeDashboard() {
  const source = hashOfSource();
  if (existsSync(built) && readFileSync(built, "utf8").startsWith(headOf(source))) return;
  const { html, policy } = madePage();
  const text = `${headOf(source)}export const html: string = ${JSON.stringify(html)};\nexport const contentSecurityPolicy: string =\n  ${JSON.stringify(policy)};\n`;
  // Renamed into place: another process may be reading it.
  const unfinished = `${built}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, built);
}

function headOf(source) {
  return `// Made by scripts/dashboard.mjs from ${source}\n`;
}

function hashOfSource() {
  const hash = createHash("sha256");
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const name of ["esbuild", "uplot"]) hash.update(require(`${name}/package.json`).version);
  for (const source of sources) {
    for (const name of readdirSync(source, { recursive: true, encoding: "utf8" }).sort()) {
      const file = join(source, name);
      if (statSync(file).isFile()) hash.update(name.replaceAll("\\", "/")).update("\0").update(readFileSync(file));
    }
  }
  return hash.digest("hex");
}

/** One file that asks for nothing else, and the policy that lets the browser run this text and no other. */
function madePage() {
  const script = bundled("main.ts");
  const style = bundled("styles/style.css");
  const html = readFileSync(join(page, "index.html"), "utf8")
    .replace("<!--style-->", () => `<style>${style}</style>`)
    .replace(
      "<!--script-->",
      () => `<!-- With uPlot, (c) Leon Sorokin, MIT License -->\n<script type="module">${script}</script>`,
    );
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
  return { html, policy };
}

function bundled(file) {
  const { outputFiles } = require("esbuild").buildSync({
    entryPoints: [join(page, file)],
    absWorkingDir: page,
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "browser",
    target: ["chrome120", "firefox121", "safari17.4"],
    legalComments: "none",
    logLevel: "warning",
  });
  const text = outputFiles[0].text.trim();
  if (/<\/(script|style)/i.test(text)) throw new Error(`${file}: its text would end the element that holds it`);
  return text;
}

function hashOf(text) {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
