/** One ES module from an entry and all it imports, as one runtime would see it: `#runtime` and `#ffi` are that runtime's own. */
import { join } from "node:path";
import esbuild from "esbuild";
import { root } from "../runtimes.ts";

export interface BundleOptions {
  readonly condition: "bun" | "deno" | "node";
  readonly plugins?: esbuild.Plugin[];
}

/** `entry` is relative to the root. */
export async function bundle(entry: string, outfile: string, options: BundleOptions): Promise<void> {
  await esbuild.build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2023",
    conditions: [options.condition],
    external: ["bun:*"],
    keepNames: true,
    legalComments: "none",
    logLevel: "warning",
    // Packages in CommonJS call require() for Node's modules, which an ES module has to make for itself.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    plugins: options.plugins ?? [],
  });
}
