/** Lays a Debian package out as a folder, and has dpkg-deb make a file of it. */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { balancerCommands } from "../../src/bin/balancer-commands.ts";
import { bashScript } from "../../src/bin/completion/bash.ts";
import { fishScript } from "../../src/bin/completion/fish.ts";
import { completedProgram } from "../../src/bin/completion/words.ts";
import { zshScript } from "../../src/bin/completion/zsh.ts";
import { reporterCommands } from "../../src/bin/reporter-commands.ts";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { removeFolder } from "../build/programs.ts";
import { root } from "../runtimes.ts";
import type { DebianPackage } from "./packages.ts";

export type Architecture = "amd64" | "arm64";

export interface Contents {
  readonly version: string;
  readonly architecture: Architecture;
  /** The compiled program. */
  readonly program: string;
  /** Of zstd, 1 to 22. */
  readonly level: number;
}

/** glibc: the oldest with which the compiled programs are tested. The other two bring the commands of the maintainer scripts. */
const DEPENDS =
  "libc6 (>= 2.31), init-system-helpers (>= 1.52), systemd | systemd-standalone-sysusers | systemd-sysusers";
const MAINTAINER = "Harmony contributors <harmony@localhost>";

/** Returns the package's file, in `folder`. */
export function buildPackage(debian: DebianPackage, contents: Contents, folder: string): string {
  const stage = mkdtempSync(join(tmpdir(), "harmony-deb-"));
  try {
    chmodSync(stage, 0o755);
    layOut(debian, contents, stage);
    const file = join(folder, `${debian.name}_${contents.version}_${contents.architecture}.deb`);
    const args = ["--root-owner-group", "-Zzstd", `-z${contents.level}`, "--build", stage, file];
    const { status, stderr, error } = spawnSync("dpkg-deb", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`dpkg-deb failed: ${error?.message ?? stderr}`);
    return file;
  } finally {
    removeFolder(stage);
  }
}

function layOut(debian: DebianPackage, contents: Contents, stage: string): void {
  const { name, units, config, examples } = debian;
  const put = (path: string, content: string | Buffer, mode = 0o644) => {
    const file = join(stage, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  const own = (file: string) => readFileSync(join(root, "packaging/debian", file), "utf8");
  const unit = (file: string) => asPackaged(readFileSync(join(root, "examples/systemd", file), "utf8"));
  mkdirSync(join(stage, "usr/bin"), { recursive: true });
  copyFileSync(contents.program, join(stage, "usr/bin", name));
  chmodSync(join(stage, "usr/bin", name), 0o755);
  for (const file of units) put(`usr/lib/systemd/system/${file}`, unit(file));
  put(`usr/lib/sysusers.d/${name}.conf`, own("sysusers.conf"));
  put(`etc/harmony/${config}`, own(config));
  put(`usr/share/man/man1/${name}.1.gz`, gzipSync(readFileSync(join(root, `docs/man/${name}.1`)), { level: 9 }));
  for (const [path, script] of completions(name)) put(path, script);
  const doc = `usr/share/doc/${name}`;
  put(`${doc}/copyright`, readFileSync(join(root, "LICENSE")));
  put(`${doc}/changelog.gz`, gzipSync(readFileSync(join(root, "CHANGELOG.md")), { level: 9 }));
  for (const file of examples) put(`${doc}/examples/${basename(file)}`, unit(file));
  put("DEBIAN/control", control(debian, contents));
  put("DEBIAN/conffiles", `/etc/harmony/${config}\n`);
  for (const script of ["postinst", "prerm", "postrm"]) put(`DEBIAN/${script}`, filled(own(script), debian), 0o755);
}

/** Where Debian's shells look for them. */
function completions(name: DebianPackage["name"]): [string, string][] {
  const [options, commands] =
    name === "harmony-balancer" ? [balancerOptions, balancerCommands] : [reporterOptions, reporterCommands];
  const program = completedProgram(name, options, commands);
  return [
    [`usr/share/bash-completion/completions/${name}`, bashScript(program)],
    [`usr/share/zsh/vendor-completions/_${name}`, zshScript(program)],
    [`usr/share/fish/vendor_completions.d/${name}.fish`, fishScript(program)],
  ];
}

/** Programs of a package lie in /usr/bin. */
function asPackaged(unit: string): string {
  return unit.replaceAll("/usr/local/bin/", "/usr/bin/");
}

function filled(script: string, { name, started, running, sockets, other }: DebianPackage): string {
  const values: Record<string, string> = {
    PACKAGE: name,
    STARTED: started.join(" "),
    RUNNING: running,
    SOCKETS: sockets,
    OTHER: other,
  };
  return script.replaceAll(/@([A-Z]+)@/g, (_, key: string) => values[key]!);
}

function control({ name, summary, description }: DebianPackage, { version, architecture }: Contents): string {
  const fields = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Section: "net",
    Priority: "optional",
    Maintainer: MAINTAINER,
    Depends: DEPENDS,
    Description: [summary, ...description.map((line) => ` ${line}`)].join("\n"),
  };
  return `${Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}`)
    .join("\n")}\n`;
}
