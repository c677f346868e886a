/** `harmony-reporter status`: what the reporters of this host say, to whom, and since when. */
import { ApiClient, type Whom } from "../../admin/client.ts";
import { reporterFolders, reporterSockets } from "../../admin/places.ts";
import type { ReporterStatus } from "../../admin/reporter/schema.ts";
import { onOff } from "../../config/kinds.ts";
import { option, optional, type Values } from "../../config/option.ts";
import { reporterOptions } from "../../config/reporter-options.ts";
import { hostEnvironment } from "../../control/keys/key-places.ts";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import { command, note } from "../command.ts";
import { EXIT_FAILURE, exitCodes } from "../exit-codes.ts";
import { show, showOptions } from "../shown.ts";
import { reporterLines } from "../views/reporter.ts";

const options = {
  quiet: option({
    kind: onOff,
    default: false,
    doc: "Print nothing: the exit code says whether every target is registered. For health checks.",
    short: "q",
    places: ["flag"],
  }),
  ...showOptions,
  statusSocket: option({
    ...reporterOptions.statusSocket,
    doc: "The reporter's socket. auto asks all reporters of this host whose sockets lie where reporters have them by themselves.",
  }),
  identity: optional({ ...reporterOptions.identity, places: ["flag", "env", "file"] }),
  config: reporterOptions.config,
} as const;

export const reporterStatus = command({
  name: "status",
  usage: "[options]",
  summary:
    "Asks the reporters that run on this host what they say, to which balancers, and since when; and what those answered last.",
  operands: [],
  table: options,
  footer: exitCodes({
    0: "every target is registered with one balancer at least",
    1: "one is not, or no reporter answers",
    2: "the options are wrong",
  }),
  async run(values) {
    let all: ReporterStatus[] = [];
    const look = async () => {
      all = await statuses(values);
      return all;
    };
    if (values.quiet) await look();
    else await show(values, look, reporterLines);
    return all.every(isRegistered) ? 0 : EXIT_FAILURE;
  },
});

function isRegistered({ targets, balancers }: ReporterStatus): boolean {
  return targets.every((_, ref) => balancers.some(({ targets }) => targets[ref]?.isRegistered));
}

/** Of those that run. Rejects with HarmonyError where none answers. */
async function statuses({
  statusSocket,
  identity,
}: Pick<Values<typeof options>, "statusSocket" | "identity">): Promise<ReporterStatus[]> {
  if (statusSocket === "off")
    throw new HarmonyError("NO_STATUS", "this reporter tells nothing (--status-socket off)", { fault: "config" });
  const folders = reporterFolders(identity, hostEnvironment());
  const sockets = statusSocket === "auto" ? reporterSockets(folders) : [statusSocket.path];
  const found: ReporterStatus[] = [];
  const failures: unknown[] = [];
  for (const socket of sockets) {
    await ask(socket).then(
      (status) => found.push(status),
      (error: unknown) => failures.push(error),
    );
  }
  // A socket at which nobody listens any more is of a reporter that was ended by force.
  const failure = failures.find((error) => codeOf(error) !== REPORTER.code);
  if (found.length === 0) throw failure ?? nobody(statusSocket === "auto" ? folders : sockets);
  if (failure !== undefined) note(messageOf(failure));
  return found;
}

const REPORTER: Whom = {
  noun: "reporter",
  code: "NO_REPORTER",
  search:
    "Does one run on this host, with a socket (--status-socket), and as this user, who otherwise has to be root (sudo)? Say where with --status-socket unix:PATH",
};

function ask(socket: string): Promise<ReporterStatus> {
  return new ApiClient([{ socket }], REPORTER).get<ReporterStatus>("/v1/status");
}

function nobody(places: readonly string[]): HarmonyError {
  const where =
    places.length === 0 ? "there is no place for its socket on this system" : `none in ${places.join(", ")}`;
  const { code, search } = REPORTER;
  return new HarmonyError(code, `no reporter answers: ${where}. ${search}`, { fault: "target", retry: true });
}
