/** What is told of keys, of reporters, and of the ports that they ask for. */
import type { LoadedKeys } from "../../control/keys/keys.ts";
import { info, type Line, type Words, warning } from "../../telemetry/line.ts";
import { counted, firstOf } from "../../util/counted.ts";
import type { BalancerEvents } from "../events.ts";

type Reporters =
  | "keyCreated"
  | "keysLoaded"
  | "keysRevoked"
  | "keyGone"
  | "reporterJoined"
  | "reporterRotated"
  | "certificateRenewed"
  | "serviceOpened"
  | "serviceClosed"
  | "rejected";

export function reporterWords(): Words<Pick<BalancerEvents, Reporters>> {
  let before = 0;
  return {
    keyCreated: (hint) => info(hint),
    keysLoaded: (loaded) => {
      // That nobody has ever joined is no news, that the last one is out is some.
      const isNews = loaded.reporters + before > 0;
      before = loaded.reporters;
      return keysText(loaded, isNews);
    },
    keysRevoked: (revocations) => {
      const names = revocations.map(({ name }) => `"${name}"`);
      const by = [...new Set(revocations.map((each) => each.by))];
      const which = names.length === 1 ? `key ${names[0]}` : `${names.length} keys: ${firstOf(names)}`;
      return info(`${firstOf(by)} revoked ${which}`, { keys: revocations.map(({ name }) => name), by });
    },
    keyGone: ({ key, reporters, targets }) =>
      info(
        `a key "${key}" is accepted no more: ${counted(reporters, "reporter")} turned away, ${counted(targets, "target")} taken out`,
        { key, reporters, targets },
      ),
    reporterJoined: (name, fingerprint) =>
      info(`reporter ${name} has joined by invitation (fingerprint ${fingerprint})`, { name, fingerprint }),
    reporterRotated: (name, fingerprint) =>
      info(`reporter ${name} exchanges its key (fingerprint of the new one ${fingerprint})`, { name, fingerprint }),
    certificateRenewed: () => info("the admin port's certificate has changed, and is used from now on"),
    serviceOpened: (pool, port) =>
      info(`port ${port} is open for pool ${pool}, as a reporter has asked`, { pool, port }),
    serviceClosed: (pool, port) =>
      info(`port ${port} of pool ${pool} is closed: no target has asked for it for a while`, { pool, port }),
    rejected: ({ who, code, why }) => warning(`rejected a reporter at ${who}: ${why}`, { reporter: who, code }),
  };
}

function keysText({ count, file, reporters, insecure }: LoadedKeys, reportersAreNews: boolean): Line[] {
  const open = "anyone who reaches the admin port may register a target, without a key (--insecure)";
  const own = `${counted(reporters, "reporter")} may come with ${reporters === 1 ? "a key of its own" : "keys of their own"}`;
  const shared = `${counted(count, "key")} loaded${file === null ? "" : ` from ${file}`}`;
  const needsShared = count > 0 || file !== null; // otherwise no reporter needs one
  return [
    ...(insecure ? [warning(open)] : []),
    ...(reportersAreNews ? [info(own, { reporters })] : []),
    ...(needsShared ? [info(shared, { count, file })] : []),
  ];
}
