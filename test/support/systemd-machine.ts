/**
 * A machine that systemd runs, in namespaces of its own: this one's files, where whatever is changed lies in memory and is gone with
 * the machine, and none of its services. For tests of units and packages.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { temporaryFolder } from "./folder.ts";
import { Program } from "./program.ts";
import { until } from "./wait.ts";

const SYSTEMD = "/lib/systemd/systemd";

/** $1: an empty folder of this machine. The root is an overlay, whose upper layer may not lie in the lower one. */
const BOOT = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev
mkdir dev/shm dev/pts
mount -t devpts devpts dev/pts -o newinstance
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console
# Nothing of what belongs to this machine, such as what looks for devices or empties /tmp.
rm -rf etc/systemd/system/*.wants usr/lib/systemd/system/*.wants usr/sbin/policy-rc.d
printf '[Unit]\\nDescription=A machine for tests\\nWants=systemd-journald.service\\n' >etc/systemd/system/harmony-test.target
# Not chroot: whoever is in one may not make user namespaces.
pivot_root . .
umount -l .
exec /usr/bin/env -i container=harmony-test PATH=/usr/sbin:/usr/bin:/sbin:/bin ${SYSTEMD} --unit=harmony-test.target --log-target=null
`;
const UNSHARE = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup", "--kill-child"];

const PUT = 'mkdir -p "$(dirname "$2")" && cat >"$2" && chmod "$1" "$2"';

/** Why there can be none here, or false. */
export const noSystemd: string | false = reason();

function reason(): string | false {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "only root on Linux can run a machine with systemd";
  if (!existsSync(SYSTEMD)) return "there is no systemd here";
  const place = temporaryFolder("overlay");
  const attempt =
    'cd "$1" && mount -t tmpfs tmpfs . && mkdir u w r c && mount -t overlay overlay -o lowerdir=/,upperdir=u,workdir=w r && mount -t cgroup2 cgroup2 c';
  const { status } = spawnSync("unshare", [...UNSHARE, "sh", "-c", attempt, "sh", place]);
  return status !== 0 && "this machine grants no overlay and no control groups to namespaces";
}

export interface Answer {
  readonly status: number | null;
  readonly output: string;
}

export class SystemdMachine {
  readonly #program: Program;
  readonly #init: string;

  private constructor(program: Program, init: string) {
    this.#program = program;
    this.#init = init;
  }

  /** Resolves when its services can be started. What temporary folders hold by now, it has as well. */
  static async boot(): Promise<SystemdMachine> {
    const place = temporaryFolder("machine");
    const program = new Program(["unshare", ...UNSHARE, "bash", "-c", BOOT, "bash", place]);
    const init = await until("the machine's first process", () => {
      if (program.exit) throw new Error(`the machine ended: ${program.stderr}`);
      return /^\d+/.exec(readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, "utf8"))?.[0];
    });
    const machine = new SystemdMachine(program, init);
    await until("the machine to run", () => machine.run("systemctl", "is-system-running").output.includes("running"));
    return machine;
  }

  /** A command as root. */
  run(...command: readonly string[]): Answer {
    return this.#enter(command);
  }

  /** A line of shell as root, which has to succeed. Returns what it prints. */
  shell(line: string): string {
    const { status, output } = this.run("bash", "--norc", "-euo", "pipefail", "-c", line);
    if (status !== 0) {
      const { output: log } = this.run("journalctl", "--no-pager", "--lines=20");
      throw new Error(`${line}: exit code ${status}\n${output}\n${log}`);
    }
    return output.trim();
  }

  /** Of a unit, as systemctl shows it. */
  property(unit: string, name: string): string {
    return this.shell(`systemctl show --value --property=${name} ${unit}`);
  }

  /** Puts a file there; folders are made. */
  write(path: string, content: string | Buffer, mode = "644"): void {
    const { status, output } = this.#enter(["sh", "-c", PUT, "sh", mode, path], content);
    if (status !== 0) throw new Error(`cannot write ${path}: ${output}`);
  }

  /** What the services have logged. */
  journal(unit: string): string {
    return this.run("journalctl", "--no-pager", "--unit", unit).output;
  }

  #enter(command: readonly string[], input: string | Buffer = ""): Answer {
    const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"];
    const enter = ["--target", this.#init, ...namespaces, "--root", "--wd", "env", "--", ...command];
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" };
    const { status, stdout, stderr, error } = spawnSync("nsenter", enter, { env, input, encoding: "utf8" });
    if (error !== undefined) throw error;
    return { status, output: `${stdout}${stderr}` };
  }

  async close(): Promise<void> {
    await this.#program.kill();
  }
}
