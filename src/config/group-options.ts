/** Options of a group of balancers. */
import { groupName, groupPlace } from "./group-kind.ts";
import { path, text } from "./kinds.ts";
import { option, optional } from "./option.ts";

export const groupOptions = {
  group: optional({
    kind: groupPlace,
    doc: "Redis 7 or Valkey, where the balancers of a group meet: they know each other's targets, and an order given to one holds in all. A password in it is taken from the file and the environment alone, not from a flag, which every user of the machine sees.",
    shownDefault: "none: this balancer is alone",
  }),
  groupName: option({
    kind: groupName,
    default: "harmony",
    doc: "Which group: several may meet at the same Redis, each under its name.",
  }),
  groupPasswordFile: optional({
    kind: path,
    doc: "File with the password for `group`, which nobody else may read. It is read at each connection, so that it may change while the balancer runs.",
  }),
  groupPassword: optional({
    // As with the key, any text is taken here, so that no problem quotes it.
    kind: text("PASSWORD", "the password of Redis"),
    doc: "The password for `group` itself. It precedes the file.",
    places: ["env", "library"],
  }),
  groupCa: optional({
    kind: path,
    doc: "PEM file with the authorities that may have signed the certificate of Redis, for rediss:// in `group`.",
    shownDefault: "those of the system",
  }),
} as const;
