/**
 * The open invitations of a balancer: made, found and redeemed. A use is counted before the reporter is entered in the `reporters`
 * file, and marked as entered afterwards: whatever is interrupted, nobody gets in twice on one use, and whoever asks again with the same
 * key is entered, unless somebody has taken the line out since.
 */
import { randomBytes } from "node:crypto";
import { editFile } from "../../util/edited-file.ts";
import { HarmonyError } from "../../util/errors.ts";
import type { Reader } from "../../util/secret-file.ts";
import { NAME } from "../protocol/schema.ts";
import { formatInvitation, INVITATION_ID_BYTES, INVITATION_SECRET_BYTES } from "./invitation-code.ts";
import {
  type InvitationLine,
  parseInvitations,
  type Use,
  withInvitation,
  withoutInvitations,
} from "./invitation-lines.ts";
import { INSECURE_KEY } from "./key.ts";
import { readKeyText } from "./key-file.ts";
import type { KeyLimits } from "./limits.ts";
import { isSameKey } from "./public-key.ts";
import { unwritable } from "./reporters.ts";
import { enterReporter, parseReporters, readReporters } from "./reporters-file.ts";
import { WatchedFile } from "./watched-file.ts";

/** How long an invitation that is over is kept, ms: its holder is told so, and that it was one. */
const KEPT_MS = 24 * 60 * 60_000;
/** Of a name. */
const MOST_CHARACTERS = 64;

export interface InvitationPlaces {
  readonly invitations: string;
  readonly reporters: string;
  /** Whose owner and mode new files get. */
  readonly like: string;
  readonly reader?: Reader;
}

export interface NewInvitation {
  readonly name: string;
  readonly uses: number;
  /** ms since 1970. */
  readonly until: number;
  readonly limits: KeyLimits;
  /** The balancer's. */
  readonly publicKey: Uint8Array;
}

export class Invitations {
  readonly #places: InvitationPlaces;
  readonly #wallClock: () => number;
  /** Names that are not to be given: those of shared keys. */
  readonly #isTaken: (name: string) => boolean;
  readonly #file: WatchedFile<readonly InvitationLine[]>;
  /** Called when the changed file cannot be used. */
  onWarning: (message: string) => void = () => undefined;

  constructor(places: InvitationPlaces, isTaken: (name: string) => boolean, wallClock: () => number = Date.now) {
    this.#places = places;
    this.#isTaken = isTaken;
    this.#wallClock = wallClock;
    const read = (path: string) => {
      const { text, signature } = readKeyText("invitations file", path, places.reader);
      return { value: parseInvitations(text, path), signature };
    };
    this.#file = new WatchedFile("invitations file", places.invitations, read, []);
  }

  /** Also one that is over: redeem() says so to whoever proves that he has it. */
  find(id: string): InvitationLine | undefined {
    this.refresh();
    return this.#file.value.find((invitation) => invitation.id === id);
  }

  /** Those that still let somebody in. */
  open(): InvitationLine[] {
    this.refresh();
    return this.#file.value.filter(({ until, used, uses }) => until > this.#wallClock() && used.length < uses);
  }

  /** Reads the file again if it has changed. Never throws. */
  refresh(): void {
    const news = this.#file.refresh();
    if (news && news.problem !== null) this.onWarning(`${news.problem}; the invitations read before stay valid`);
  }

  /** Enters a new invitation. Returns its code. Throws `NAME_TAKEN`, or what editFile() throws. */
  async create({ publicKey, ...given }: NewInvitation): Promise<string> {
    // A line with that name would make the whole file of reporters unreadable.
    if (given.name === INSECURE_KEY.id) throw nameTaken(given.name, this.#places.reporters);
    const id = randomBytes(INVITATION_ID_BYTES);
    const secret = Uint8Array.from(randomBytes(INVITATION_SECRET_BYTES));
    await this.#edit((text, all) => {
      const reporters = this.#reporters();
      const isTaken = this.#isTaken(given.name) || reporters.some((reporter) => reporter.id === given.name);
      if (given.uses === 1 && isTaken) throw nameTaken(given.name, this.#places.reporters);
      const over = all.filter(({ until }) => until + KEPT_MS < this.#wallClock()).map((each) => each.id);
      return withInvitation(withoutInvitations(text, new Set(over)), {
        ...given,
        id: id.toString("base64url"),
        secret,
        used: [],
      });
    });
    return formatInvitation({ id, secret, publicKey });
  }

  /**
   * Enters the reporter with this public key, and returns its name. Again for one that is entered already. `host`: what the reporter's
   * host is called, as it says. Throws HarmonyError `EXPIRED`, `USED_UP`, `REVOKED`, `NAME_TAKEN` or `UNWRITABLE`.
   */
  async redeem(id: string, publicKey: Uint8Array, host = ""): Promise<string> {
    try {
      return await this.#redeem(id, publicKey, host);
    } catch (error) {
      if (error instanceof HarmonyError) throw error;
      throw unwritable(this.#places.reporters, error);
    }
  }

  async #redeem(id: string, publicKey: Uint8Array, host: string): Promise<string> {
    const { reporters, like, reader } = this.#places;
    const { use, limits } = await this.#count(id, publicKey, host);
    let { name } = use;
    const enter = (text: string) => {
      const all = parseReporters(text, reporters);
      const entered = all.find((each) => isSameKey(each.publicKey, publicKey));
      name = entered?.id ?? use.name; // somebody may have renamed it
      if (entered) return text;
      if (use.entered) throw gone("REVOKED", "this reporter was taken out of the balancer's reporters file");
      // Somebody else may have got it since the use was counted, and a file with one name twice could not be read.
      if (all.some((each) => each.id === name) || this.#isTaken(name)) throw nameTaken(name, reporters);
      return enterReporter(text, name, publicKey, limits);
    };
    await editFile(reporters, enter, { like, reader });
    if (!use.entered)
      await this.#change(id, (used) =>
        used.map((each) => (isSameKey(each.publicKey, publicKey) ? { ...each, entered: true } : each)),
      );
    return name;
  }

  /** Counts the use, unless this key's is counted. */
  async #count(id: string, publicKey: Uint8Array, host: string): Promise<{ use: Use; limits: KeyLimits }> {
    let found: { use: Use; limits: KeyLimits } | undefined;
    await this.#change(id, (used, { uses, until, name, limits }, all) => {
      if (until <= this.#wallClock())
        throw gone("EXPIRED", `the invitation was good until ${new Date(until).toISOString()}`);
      const before = used.find((each) => isSameKey(each.publicKey, publicKey));
      found = before && { use: before, limits };
      if (before) return used;
      if (used.length >= uses) throw gone("USED_UP", "the invitation has been used as often as it may");
      const use = { name: uses === 1 ? name : this.#newName(name, host, all), publicKey, entered: false };
      if (uses === 1 && this.#names([]).has(name)) throw nameTaken(name, this.#places.reporters);
      found = { use, limits };
      return [...used, use];
    });
    return found!;
  }

  /** For one of several: NAME-HOST, or with the first number that is free. */
  #newName(name: string, host: string, all: readonly InvitationLine[]): string {
    const taken = this.#names(all);
    const label = host.split(".")[0]!.replaceAll(/[^A-Za-z0-9_-]+/g, "-");
    const named = `${name}-${label}`.slice(0, MOST_CHARACTERS);
    if (label !== "" && NAME.test(named) && !taken.has(named)) return named;
    for (let number = 1; ; number += 1) {
      const numbered = `${name.slice(0, MOST_CHARACTERS - 5)}-${number}`;
      if (!taken.has(numbered)) return numbered;
    }
  }

  /** Of reporters, also of those that are about to be entered or are invited by their name, and of shared keys. */
  #names(all: readonly InvitationLine[]): { has(name: string): boolean } {
    const names = new Set(this.#reporters().map(({ id }) => id));
    for (const { used, name, uses } of all) {
      if (uses === 1) names.add(name);
      for (const use of used) names.add(use.name);
    }
    return { has: (name) => names.has(name) || this.#isTaken(name) };
  }

  #reporters() {
    const { reporters, reader } = this.#places;
    return readReporters(reporters, reader);
  }

  #change(
    id: string,
    change: (used: readonly Use[], invitation: InvitationLine, all: readonly InvitationLine[]) => readonly Use[],
  ): Promise<void> {
    return this.#edit((text, all) => {
      const invitation = all.find((each) => each.id === id);
      if (!invitation) throw gone("WITHDRAWN", "the balancer does not know the invitation any more");
      const used = change(invitation.used, invitation, all);
      return used === invitation.used ? text : withInvitation(text, { ...invitation, used });
    });
  }

  #edit(change: (text: string, all: readonly InvitationLine[]) => string): Promise<void> {
    const { invitations, like, reader } = this.#places;
    return editFile(invitations, (text) => change(text, parseInvitations(text, invitations)), { like, reader });
  }
}

function gone(code: string, problem: string): HarmonyError {
  return new HarmonyError(code, `${problem}: make a new one there with harmony-balancer invite`, { fault: "target" });
}

function nameTaken(name: string, file: string): HarmonyError {
  const message = `the name "${name}" is taken, by a reporter in ${file} or a shared key: invite it by another, or take that line out first`;
  return new HarmonyError("NAME_TAKEN", message, { fault: "config" });
}
