/** The emulated machine: QEMU in software, counting instructions, with a kernel as Debian packages it. */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const LIMIT = 60 * 60_000; // ms for one machine: one takes 1 to 4 minutes where nothing else runs

// Small, and everything needed is built in: no modules have to be loaded.
const KERNEL = "linux-image-cloud-amd64";

/** A path below dist/; fetched the first time, never installed. */
export async function kernel(folder: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await run("apt-cache", ["depends", "--important", KERNEL], { signal });
  const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (!name) throw new Error(`apt knows no ${KERNEL}: run \`apt-get update\` first`);
  const path = join("dist", name);
  if (existsSync(path)) return path;
  // Fetching as root, apt says that the user it would rather be cannot write there: it falls back to root by itself.
  await run("apt-get", ["download", name], { cwd: folder, signal, timeout: LIMIT });
  await run("sh", ["-c", "dpkg -x ./*.deb kernel"], { cwd: folder, signal });
  mkdirSync("dist", { recursive: true });
  copyFileSync(join(folder, "kernel/boot", name.replace("linux-image", "vmlinuz")), path);
  return path;
}

const HARDWARE = [
  "-accel tcg",
  // Every instruction takes 1 ns of the machine's time, and time in which it would sleep is skipped: its clocks count
  // instructions, and nothing of what this machine does at the same time gets into them.
  "-icount shift=0,sleep=off",
  // Without erms and fsrm, for which the kernel and the C library copy with `rep movsb`: that counts an instruction per byte,
  // 3 % of HAProxy's, where hardware moves whole lines. Without the processor's random numbers: those are this machine's own,
  // other ones in every run.
  "-cpu max,-erms,-fsrm,-rdrand,-rdseed",
  "-smp 1", // icount has one processor only
  "-m 3G",
  "-rtc base=2025-01-01,clock=vm", // the time of day counts instructions as well
  "-nodefaults -no-user-config -display none -monitor none -no-reboot",
].flatMap((line) => line.split(" "));

const KERNEL_OPTIONS = [
  "console=ttyS0 quiet",
  "panic=-1", // reboots, which ends QEMU
  // The processor's counter is taken to run at exactly 1 GHz, one tick an instruction. The kernel would measure its rate at
  // start, and the counts would be as exact as that.
  "tsc=reliable tsc_early_khz=1000000",
  "nokaslr norandmaps", // the same addresses every time: the same hash chains
  // What it costs depends on the processor that the kernel believes to run on, which is none that exists.
  "mitigations=off",
  // Debian clears all memory that the kernel hands out. Word by word, as is counted here, that is 2 % of HAProxy's instructions.
  "init_on_alloc=0",
  "nowatchdog",
].join(" ");

/** Runs a machine until it switches itself off; returns what it wrote to its console. */
export async function emulate(kernel: string, archive: string, folder: string, signal: AbortSignal): Promise<string> {
  const console = join(folder, "console");
  const devices = ["-serial", `file:${console}`];
  const boot = ["-kernel", kernel, "-initrd", archive, "-append", KERNEL_OPTIONS];
  await run("qemu-system-x86_64", [...HARDWARE, ...devices, ...boot], {
    signal,
    timeout: LIMIT,
    killSignal: "SIGKILL",
  });
  return readFileSync(console, "utf8").replaceAll("\r", "");
}
