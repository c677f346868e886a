/**
 * `make bench-ports`: how many of 900 clients that close first are served over 400 ports towards one target, one client after the other,
 * beside HAProxy; and whether a client that sends its FIN before the answer gets the answer. As root on Linux: it takes networks of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askFrom, fewPorts, serveOn } from "../../test/support/close-first.ts";
import { removeFolders } from "../../test/support/folder.ts";
import { noNetworks } from "../../test/support/machine.ts";
import { endPrograms } from "../../test/support/program.ts";
import { until } from "../../test/support/wait.ts";
import { requireTools } from "./tools.ts";

const PORTS = 400;
const CLIENTS = 900;
/** ms after a client's FIN in which its answer's last line comes. */
const LATE = 100;
const TARGET = "127.0.0.1:9000";

interface Subject {
  readonly name: string;
  readonly command: readonly string[];
}

function harmony(folder: string, close: "fin" | "reset"): Subject {
  const file = join(folder, `${close}.toml`);
  writeFileSync(file, `listen = [3000]\ntargets = ["${TARGET}"]\ntarget-close = "${close}"\npersistent = "off"\n`);
  return { name: `Harmony, target-close = "${close}"`, command: ["dist/harmony-balancer", "--config", file] };
}

function haproxy(folder: string, option: string): Subject {
  const file = join(folder, `haproxy${option.replace(/\W/g, "-")}.cfg`);
  const timeouts = ["timeout connect 5s", "timeout client 1h", "timeout server 1h"];
  const lines = ["defaults", "mode tcp", ...timeouts, "listen main", "bind :3000", `server s1 ${TARGET}`, option];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return { name: `HAProxy${option && `, ${option}`}`, command: ["haproxy", "-db", "-f", file] };
}

/** As many as are answered in full; `late`: with a line that comes after their FIN. */
async function served({ command }: Subject, ports: number, times: number, late: number | null): Promise<number> {
  const { machine, clients } = await fewPorts(ports);
  await serveOn(machine, late);
  machine.run(command, { HARMONY_KEY: "bench:a-key-for-the-benchmark-alone" });
  await until("the first answer", async () => (await askFrom(clients, "10.1.0.1", 3000, 1)).answered === 1);
  const { answered, last } = await askFrom(clients, "10.1.0.1", 3000, times);
  await endPrograms();
  return late === null || last.endsWith("late") ? answered : 0;
}

async function main(): Promise<void> {
  if (noNetworks) throw new Error(noNetworks);
  requireTools({ haproxy: "haproxy", unshare: "util-linux", ip: "iproute2" });
  const folder = mkdtempSync(join(tmpdir(), "harmony-ports-"));
  try {
    console.log(`${CLIENTS} clients over ${PORTS} ports; 10 clients that finish before their answer comes`);
    const subjects = [
      harmony(folder, "fin"),
      harmony(folder, "reset"),
      haproxy(folder, ""),
      haproxy(folder, "option nolinger"),
    ];
    for (const subject of subjects) {
      const many = await served(subject, PORTS, CLIENTS, null);
      const late = await served(subject, PORTS, 10, LATE);
      console.log(`${subject.name.padEnd(34)} ${many} of ${CLIENTS}   ${late} of 10`);
    }
  } finally {
    await endPrograms();
    removeFolders();
    rmSync(folder, { recursive: true });
  }
}

await main();
