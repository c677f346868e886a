/**
 * The lines of the `invitations` file, pure: ID SECRET NAME uses=N until=TIME, then `used=NAME:PUBLICKEY` for each that has redeemed it
 * (`used=NAME:PUBLICKEY:entered` once that is in the `reporters` file), then the limits that its reporters get.
 */
import { NAME } from "../protocol/schema.ts";
import { INVITATION_ID_BYTES, INVITATION_SECRET_BYTES } from "./invitation-code.ts";
import { formatLimits, type KeyLimits, parseLimits } from "./limits.ts";
import { badLine, linesOf } from "./lines.ts";
import { formatKeyBytes, parseBytes, parseKeyBytes } from "./public-key.ts";

/** Of its reporter's name, that a number or the host's name may follow. */
export const MOST_USES = 1_000;

export interface Use {
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** It has its line in the `reporters` file; where that is gone again, somebody took it out. */
  readonly entered: boolean;
}

export interface InvitationLine {
  /** As it is named on the wire. */
  readonly id: string;
  /** 16 bytes. */
  readonly secret: Uint8Array;
  /** Of the reporter, or what its name begins with where there may be several. */
  readonly name: string;
  readonly uses: number;
  /** Until when it is good, ms since 1970. */
  readonly until: number;
  readonly used: readonly Use[];
  readonly limits: KeyLimits;
}

export const INVITATIONS_REMARK = `# Harmony: open invitations, one a line. Whoever knows one may join. Without its line nobody can use it any more.
`;

/** Throws `BAD_KEY` with file and line, and never with what the line says. */
export function parseInvitations(text: string, file: string): InvitationLine[] {
  const all = new Map<string, InvitationLine>();
  for (const { line, where } of linesOf(text, file)) {
    const invitation = parseLine(line, where);
    if (all.has(invitation.id)) throw badLine(where, "a second line for the same invitation: take one of them out");
    all.set(invitation.id, invitation);
  }
  return [...all.values()];
}

function parseLine(line: string, where: string): InvitationLine {
  const [id = "", secretText = "", name = "", usesText = "", untilText = "", ...words] = line.trim().split(/\s+/);
  const secret = parseBytes(secretText, INVITATION_SECRET_BYTES);
  const uses = Number(/^uses=([1-9]\d{0,3})$/.exec(usesText)?.[1]);
  const until = Date.parse(/^until=(\d\S*Z)$/.exec(untilText)?.[1] ?? "");
  const isWhole = parseBytes(id, INVITATION_ID_BYTES) !== null && secret !== null && NAME.test(name);
  if (!isWhole || !(uses <= MOST_USES) || Number.isNaN(until)) {
    throw badLine(where, "a line is ID SECRET NAME uses=N until=TIME LIMITS: take it out, and make a new invitation");
  }
  const isUse = (word: string) => word.startsWith("used=");
  const used = words.filter(isUse).map((word) => parseUse(word, where));
  return {
    id,
    secret,
    name,
    uses,
    until,
    used,
    limits: parseLimits(
      words.filter((word) => !isUse(word)),
      where,
    ),
  };
}

function parseUse(word: string, where: string): Use {
  const [name = "", key = "", entered, ...more] = word.slice("used=".length).split(":");
  const publicKey = parseKeyBytes(key);
  const isWhole = NAME.test(name) && publicKey !== null && more.length === 0;
  if (!isWhole || !(entered === undefined || entered === "entered")) {
    throw badLine(
      where,
      "what used= says is not NAME:PUBLICKEY[:entered]: take the line out, and make a new invitation",
    );
  }
  return { name, publicKey, entered: entered !== undefined };
}

export function formatInvitationLine({ id, secret, name, uses, until, used, limits }: InvitationLine): string {
  const times = [`uses=${uses}`, `until=${new Date(until).toISOString()}`];
  const users = used.map((use) => `used=${use.name}:${formatKeyBytes(use.publicKey)}${use.entered ? ":entered" : ""}`);
  return [id, Buffer.from(secret).toString("base64url"), name, ...times, ...users, ...formatLimits(limits)].join(" ");
}

/** The text with this line in place of the one of the same invitation, or at its end. */
export function withInvitation(text: string, invitation: InvitationLine): string {
  const line = `${formatInvitationLine(invitation)}\n`;
  const lines = (text || INVITATIONS_REMARK).replace(/(?<!\n)$/, "\n").split(/(?<=\n)/);
  const at = lines.findIndex((each) => idIn(each) === invitation.id);
  return (at === -1 ? [...lines, line] : lines.with(at, line)).join("");
}

export function withoutInvitations(text: string, ids: ReadonlySet<string>): string {
  return text
    .split(/(?<=\n)/)
    .filter((line) => !ids.has(idIn(line)))
    .join("");
}

function idIn(line: string): string {
  return line.trim().split(/\s+/, 1)[0]!;
}
