/** What the programs say of themselves: in `--help`, and in their manual pages (scripts/man.ts). */
import type { ProgramText } from "../config/flags.ts";

export interface ManualText extends ProgramText {
  /** Completes "harmony-… -". */
  readonly title: string;
  /** The footer's paragraphs under their headings. */
  readonly sections: Readonly<Record<"ENVIRONMENT" | "SIGNALS" | "EXIT STATUS", string>>;
}

export const balancerText = manualText({
  name: "harmony-balancer",
  title: "TCP load balancer whose targets register themselves",
  usage: "[COMMAND] [options]",
  summary: "Balances TCP connections over targets that register themselves (see harmony-reporter).",
  sections: {
    ENVIRONMENT:
      `${otherPlaces("HARMONY_QUEUE_TIMEOUT=5s", "--queue-timeout 5s")} ` +
      "Nor has the password of a group's Redis: HARMONY_GROUP_PASSWORD, or a file (--group-password-file).",
    SIGNALS:
      "SIGTERM and SIGINT stop accepting, after --stop-delay, let open connections finish, and exit with 0. A second one ends the " +
      "connections at once. " +
      "SIGUSR1 opens the access log again. SIGUSR2 logs the table of targets. SIGHUP reads the file again, as harmony-balancer reload does.",
    "EXIT STATUS": "Exit codes: 0 it was stopped, 1 it could not go on, 2 the options are wrong.",
  },
});

export const reporterText = manualText({
  name: "harmony-reporter",
  title: "says to a harmony-balancer that a server runs here",
  usage: "[options] [-- COMMAND ARGS…]",
  summary:
    "Tells a harmony-balancer that a server runs here, keeps saying so, and drains before it leaves. With a COMMAND it starts " +
    "that server with PORT in its environment, reports once that port accepts, and exits with its code.",
  sections: {
    ENVIRONMENT: otherPlaces("HARMONY_BALANCE=1000", "--balance 1000"),
    SIGNALS:
      "SIGTERM and SIGINT take no new connections, wait until open ones have finished, leave the balancer, and exit with 0. With " +
      "a COMMAND they pass SIGTERM on to it and exit with its code. A second one leaves at once. SIGHUP does the same if the " +
      "terminal is gone, and is ignored otherwise.",
    "EXIT STATUS":
      "Exit codes: 0 it was stopped, 1 it could not go on, 2 the options are wrong, or the code of the COMMAND.",
  },
});

function manualText(text: Omit<ManualText, "footer">): ManualText {
  const { ENVIRONMENT, SIGNALS, "EXIT STATUS": exit } = text.sections;
  return { ...text, footer: `\n${ENVIRONMENT}\n\n${SIGNALS}\n${exit}\n` };
}

/** Where options can be given as well, with an example. */
function otherPlaces(variable: string, flag: string): string {
  return (
    `Every option can also be given in the environment, as ${variable} for ${flag}, or in the file that --config names. ` +
    "The key has no flag, because everybody can list flags with ps: set HARMONY_KEY=[id:]secret, which precedes any " +
    "key file."
  );
}
