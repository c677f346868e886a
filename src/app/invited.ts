/** What the balancer does about invited reporters beside serving them: it tells of them, and keeps what it has seen of them. */
import type { BalancerKeys } from "../control/keys/find-keys.ts";
import { fingerprintOf } from "../control/keys/public-key.ts";
import type { ControlServer, ControlServerOptions } from "../control/server/server.ts";
import { systemClock } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import { SeenFile } from "./seen.ts";

export interface InvitedEvents {
  /** An invited reporter has joined, under this name, with a key of this fingerprint. */
  reporterJoined: [name: string, fingerprint: string];
  /** One that has joined exchanges its key for one of this fingerprint. */
  reporterRotated: [name: string, fingerprint: string];
}

interface Warnings {
  warning: [message: string, cause?: unknown];
}

type Tell = (...event: EventOf<InvitedEvents & Warnings>) => void;

/** Who may register, by which files. */
export type Trust = Omit<BalancerKeys, "hint" | "warning">;

/** The same, with an event for each that joins or exchanges its key. */
export function invitedEvents(
  { invitations, reporters, keys }: Trust,
  tell: Tell,
): Required<Pick<ControlServerOptions, "invitations" | "reporters">> {
  return {
    invitations: {
      find: (id) => invitations.find(id),
      redeem: async (id, publicKey, host) => {
        const isNew = keys.findByPublicKey(publicKey) === undefined;
        const name = await invitations.redeem(id, publicKey, host);
        if (isNew) tell("reporterJoined", name, fingerprintOf(publicKey));
        return name;
      },
    },
    reporters: {
      came: (id, publicKey) => reporters.came(id, publicKey),
      rotate: async (id, current, next) => {
        if (await reporters.rotate(id, current, next)) tell("reporterRotated", id, fingerprintOf(next));
      },
    },
  };
}

/** Tells what is wrong with the files from now on, and writes who is connected. */
export function watchInvited(
  { files, keys, identity, invitations }: Trust,
  control: ControlServer,
  tell: Tell,
): SeenFile {
  identity.onWarning = (message) => tell("warning", message);
  invitations.onWarning = (message) => tell("warning", message);
  const { reporters } = keys.loaded;
  if (reporters > 0 && identity.keyPair === null) {
    tell(
      "warning",
      `there is no ${files.identity}, by which the reporters in ${files.reporters} know this balancer: none of them can come. Put it back ` +
        "from a backup, or invite anew (harmony-balancer invite), and let each join again",
    );
  }
  return new SeenFile({
    files,
    clock: systemClock,
    sightings: () => control.sightings,
    isReporter: (name) => keys.ofReporter(name).length > 0,
    onWarning: (message, cause) => tell("warning", message, cause),
  });
}
