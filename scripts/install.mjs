/**
 * `make install`: npm ci, when what is installed is not what package-lock.json says, and the dashboard's page, when its files are newer
 * than what was made of them. Plain JavaScript, since it has to run before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync } from "node:fs";

const MINIMUM_NODE = [20, 19];
// A copy of the lock file as it was installed.
const STAMP = "node_modules/.harmony-lock";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
  fail(`Harmony is built with Node ${MINIMUM_NODE.join(".")} or newer; this is ${process.versions.node}.`);
}
if (!existsSync(STAMP) || !readFileSync(STAMP).equals(readFileSync("package-lock.json"))) install();
// Only now: it needs what has been installed.
const { makeDashboard } = await import("./dashboard.mjs");
makeDashboard();

function install() {
  if (run("npm", ["ci"]).status !== 0) fail("npm ci failed: see above.");
  // npm may be set to run no install scripts. These two place the runtime's executable, so they are run here if it is missing.
  for (const [name, script] of [
    ["bun", "install.js"],
    ["deno", "install.cjs"],
  ]) {
    const works = () =>
      spawnSync(`node_modules/.bin/${name}`, ["--version"], { shell: process.platform === "win32" }).status === 0;
    if (!works()) run(process.execPath, [script], `node_modules/${name}`);
    if (!works()) fail(`npm package ${name} does not run on this system (${process.platform} ${process.arch}).`);
  }
  copyFileSync("package-lock.json", STAMP);
}

function run(command, args, cwd = ".") {
  return spawnSync(command, args, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
