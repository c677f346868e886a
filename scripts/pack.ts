/**
 * `make pack`: the npm package, staged in dist/npm and packed to dist/node-harmony-VERSION.tgz. JavaScript and declarations
 * come from tsc; the package.json is made here, because the repository's own serves the source.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundledDeclarations } from "./pack/declarations.ts";
import { node, root } from "./runtimes.ts";

const staging = join(root, "dist/npm");
const lib = join(staging, "lib");
const source = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;

/**
 * What `require` gives: the same module, since Node 20.19 requires modules. TypeScript believes that under `node16` only of
 * declarations that say so.
 */
const FOR_REQUIRE = `type Module = typeof import("./index.js", { with: { "resolution-mode": "import" } });
export type * from "./index.js" with { "resolution-mode": "import" };
export declare const server: Module["server"];
export declare const client: Module["client"];
declare const harmony: Module["default"];
export default harmony;
`;

rmSync(staging, { recursive: true, force: true });
execute(node, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.npm.json"], root);
replaceDeclarations(join(lib, "index.d.ts"));
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
    exports: {
      ".": {
        import: { types: "./lib/index.d.ts", default: "./lib/index.js" },
        require: { types: "./lib/index.d.cts", default: "./lib/index.js" },
      },
      "./package.json": "./package.json",
    },
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

/** One file instead of one for each source file. tsc leaves the endings of their imports as they are in the source. */
function replaceDeclarations(entry: string): void {
  const files = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts"));
  for (const file of files.map((name) => join(lib, name))) {
    writeFileSync(file, readFileSync(file, "utf8").replace(/((?:from|import\()\s*"\.[^"]+)\.ts"/g, '$1.js"'));
  }
  const bundled = bundledDeclarations(entry, root);
  for (const name of files) rmSync(join(lib, name));
  writeFileSync(entry, bundled);
  writeFileSync(entry.replace(/\.ts$/, ".cts"), FOR_REQUIRE);
}

function execute(command: string, args: string[], cwd: string): void {
  const shell = process.platform === "win32";
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", shell });
  if (status === 0) return;
  console.error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  process.exit(1);
}
