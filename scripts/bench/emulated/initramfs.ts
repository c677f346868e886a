/**
 * The files of the emulated machine: one archive that its kernel unpacks into memory. Programs are this machine's own, at their
 * own paths and with the libraries they ask for, so that the same command lines and configurations run there as here.
 */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { which } from "../tools.ts";

const run = promisify(execFile);
const GUEST = fileURLToPath(new URL("guest.sh", import.meta.url));

export interface Contents {
  /** Commands, or paths of programs from the project's folder. */
  readonly programs: readonly string[];
  /** Other files and folders, at the paths they have here. */
  readonly files: readonly string[];
  /** Shell text that guest.sh runs. */
  readonly job: string;
}

/** Writes the archive into `folder` and returns its path. */
export async function initramfs(folder: string, contents: Contents, signal: AbortSignal): Promise<string> {
  const root = join(folder, "root");
  for (const empty of ["dev", "etc", "proc", "sys", "tmp"]) mkdirSync(join(root, empty), { recursive: true });
  // nginx and HAProxy look up the user and the group that their workers change to.
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
  writeFileSync(join(root, "job"), contents.job);
  link(root, GUEST, "init");
  link(root, which("busybox")!, "bin/busybox");
  const programs = contents.programs.map((program) => [program, which(program)!] as const);
  // A path from the project's folder becomes one from the root folder, where guest.sh is.
  for (const [program, path] of programs) link(root, path, program.includes("/") ? program : path);
  for (const file of contents.files) link(root, file, file);
  for (const file of ["busybox", ...contents.programs, ...contents.files].flatMap(libraries)) link(root, file, file);

  const archive = join(folder, "initramfs.cpio");
  // -L: what the links point at. The rest makes the same archive of the same files, whoever packs it and when.
  const pack = 'find -L . | LC_ALL=C sort | cpio -o -L -H newc --quiet --reproducible -R 0:0 -O "$1"';
  await run("sh", ["-c", pack, "-", archive], { cwd: root, signal });
  return archive;
}

/** Nothing is copied: packing follows the links. */
function link(root: string, from: string, to: string): void {
  const path = join(root, to);
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(resolve(from), path);
}

/** The shared libraries of a program or a module, the loader included; none of what is not dynamically linked. */
function libraries(file: string): string[] {
  const { stdout } = spawnSync("ldd", [which(file) ?? file], { encoding: "utf8" });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
}
