/** What Spin is asked about the model (handshake.pml): that the handshake holds, and that each weaker one does not. */

/** The numbers that handshake.pml gives them. */
export const PROPERTIES = {
  1: "a hello that is proved was made by the reporter whose key it proves, for this balancer",
  2: "no hello is proved twice",
  3: "a welcomed reporter and a balancer mean the same session",
  4: "an authenticated session is one session of the reporter that it names",
  5: "the keys of a session stay secret, also when everything else is stolen later",
  6: "a sealed line is opened once, at its place, by the other side",
  7: "the target is where the reporter is, and not where a relay is",
  8: "nobody gets in",
} as const;

export type Property = keyof typeof PROPERTIES;

export interface Case {
  readonly name: string;
  /** What is defined for the model. */
  readonly defines: readonly string[];
  /** The property that Spin has to find broken; null: it has to find none. */
  readonly breaks: Property | null;
  /** Takes long, on a busy machine minutes: for `make model`, not for `make test`. */
  readonly long?: boolean;
}

export const CASES: readonly Case[] = [
  holds("shared keys", ["ONLY_SHARED", "LINES=2"]),
  holds("invited reporters and joins", ["ONLY_STATIC"]),
  holds("shared keys; clocks, tickets, restarts", ["ONLY_SHARED", "TIME"]),
  { ...holds("invited reporters; clocks, tickets, restarts", ["ONLY_STATIC", "TIME"]), long: true },
  { ...holds("shared keys; secrets are stolen", ["ONLY_SHARED", "THEFT"]), long: true },
  { ...holds("every kind of hello at once", ["LINES=2"]), long: true },
  { ...holds("invited reporters and joins; secrets are stolen", ["ONLY_STATIC", "THEFT"]), long: true },

  breaks("shared keys let somebody in", 8, ["REACH=KEY", "ONLY_SHARED"]),
  breaks("invited reporters get in", 8, ["REACH=REPORTER", "ONLY_STATIC"]),
  breaks("invitations let somebody in", 8, ["REACH=JOIN", "ONLY_STATIC"]),

  breaks("no memory of ephemeral keys", 2, ["NO_MEMORY", "ONLY_SHARED"]),
  breaks("hellos older than the balancer's start are taken", 2, ["NO_START", "ONLY_SHARED", "TIME"]),
  breaks("a hello with a ticket is not remembered", 2, ["TICKETS_FORGOTTEN", "ONLY_SHARED", "TIME"]),
  {
    ...breaks("a hello with a ticket may be judged by its time", 2, ["TICKET_OR_TIME", "ONLY_SHARED", "TIME"]),
    long: true,
  },
  breaks("no prologue", 1, ["NO_PROLOGUE", "ONLY_SHARED"]),
  breaks("no psk in NNpsk0", 1, ["NO_PSK", "ONLY_SHARED"]),
  breaks("no psk in IKpsk1", 1, ["NO_PSK", "ONLY_STATIC"]),
  breaks("no ss", 1, ["NO_SS", "ONLY_STATIC"]),
  breaks("no se", 4, ["NO_SE", "ONLY_STATIC", "THEFT"]),
  breaks("no ee in NNpsk0", 5, ["NO_EE", "ONLY_SHARED", "THEFT"]),
  { ...breaks("no ee in IK", 5, ["NO_EE", "ONLY_STATIC", "THEFT"]), long: true },
  breaks("the hello alone authenticates", 4, ["EARLY", "ONLY_SHARED"]),
  breaks("the hello alone authenticates an invited reporter", 4, ["EARLY", "ONLY_STATIC", "THEFT"]),
  breaks("one key for both directions", 6, ["ONE_KEY", "ONLY_SHARED"]),
  breaks("no counter of lines", 6, ["NO_COUNTER", "ONLY_SHARED", "LINES=2"]),
  breaks("the sides' views of the connection are not compared", 7, ["NO_VIEWS", "ONLY_SHARED"]),
];

function holds(name: string, defines: readonly string[]): Case {
  return { name, defines, breaks: null };
}

function breaks(name: string, property: Property, defines: readonly string[]): Case {
  return { name, defines, breaks: property };
}
