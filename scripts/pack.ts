/**
 * `make pack`: the npm package, staged in dist/npm and packed to dist/node-harmony-VERSION.tgz. JavaScript and declarations
 * come from tsc; the package.json is made here, because the repository's own serves the source.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { withOptionComments } from "./option-comments.ts";
import { node, root } from "./runtimes.ts";

const staging = join(root, "dist/npm");
const lib = join(staging, "lib");
const source = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;

rmSync(staging, { recursive: true, force: true });
execute(node, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.npm.json"], root);
const declarations = join(lib, "index.d.ts");
finishDeclarations(declarations);
writeFileSync(declarations, withOptionComments(readFileSync(declarations, "utf8")));
for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) copyFileSync(join(root, file), join(staging, file));
writeFileSync(join(staging, "package.json"), `${JSON.stringify(packageJson(), null, 2)}\n`);
execute("npm", ["pack", "--pack-destination", ".."], staging);
console.log(`dist/${source.name}-${source.version}.tgz`);

function packageJson(): object {
  const { name, version, description, license, engines, dependencies, type } = source;
  return {
    name,
    version,
    description,
    keywords: ["load-balancer", "tcp", "proxy", "balancer", "cluster", "failover"],
    license,
    type,
    engines,
    exports: { ".": { types: "./lib/index.d.ts", default: "./lib/index.js" }, "./package.json": "./package.json" },
    types: "./lib/index.d.ts",
    imports: compiled(source.imports),
    bin: {
      "harmony-balancer": "./lib/bin/harmony-balancer.js",
      "harmony-reporter": "./lib/bin/harmony-reporter.js",
    },
    dependencies,
  };
}

/** Paths of the source as tsc leaves them. */
function compiled(imports: unknown): unknown {
  return JSON.parse(JSON.stringify(imports).replaceAll('"./src/', '"./lib/').replaceAll('.ts"', '.js"'));
}

/**
 * Keeps the declarations that the library's own lead to: the others would ask users for the types of other runtimes. tsc
 * leaves the endings of their imports as they are in the source.
 */
function finishDeclarations(entry: string): void {
  const reachable = new Set<string>();
  const pending = [entry];
  for (let file = pending.pop(); file; file = pending.pop()) {
    if (reachable.has(file)) continue;
    reachable.add(file);
    const text = readFileSync(file, "utf8").replace(
      /((?:from|import\()\s*")(\.[^"]+)\.ts"/g,
      (_, before: string, path: string) => {
        pending.push(resolve(dirname(file), `${path}.d.ts`));
        return `${before}${path}.js"`;
      },
    );
    writeFileSync(file, text);
  }
  for (const name of readdirSync(lib, { recursive: true, encoding: "utf8" })) {
    const file = join(lib, name);
    if (name.endsWith(".d.ts") && !reachable.has(file)) rmSync(file);
  }
  const missing = [...reachable].find((file) => !existsSync(file));
  if (missing) throw new Error(`the declarations need ${missing}, which tsc did not write`);
}

function execute(command: string, args: string[], cwd: string): void {
  const shell = process.platform === "win32";
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", shell });
  if (status === 0) return;
  console.error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  process.exit(1);
}
