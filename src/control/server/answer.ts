/** What becomes of one message of a reporter. */
import type { TcpAddress } from "../../net/runtime.ts";
import { type Found, isLoopback, type LoopbackFinder } from "../../targets/loopback.ts";
import type { Registry } from "../../targets/registry.ts";
import type { TargetOwner } from "../../targets/report.ts";
import { HarmonyError } from "../../util/errors.ts";
import { isOwn, type Key } from "../keys/key.ts";
import type { FromReporter, Ok, Report } from "../protocol/messages.ts";
import { addressMismatch } from "./address-views.ts";
import { advertisedHost, type Resolve } from "./advertised.ts";
import type { Invitations, Proved, Reporters } from "./handshake.ts";
import { isBringing, type Services } from "./services.ts";

export interface AnswerOptions {
  readonly registry: Registry;
  /** For targets that advertise a name. */
  readonly resolve: Resolve;
  /** For reporters on the balancer's own host that advertise nothing. */
  readonly loopback: LoopbackFinder;
  readonly invitations: Pick<Invitations, "redeem"> | null;
  readonly reporters: Pick<Reporters, "rotate"> | null;
  /** null: nothing can be brought here, and what reports say of it is ignored. */
  readonly services: Pick<Services, "bring"> | null;
}

/** The session that has asked. */
export interface Asker extends TargetOwner {
  readonly key: Key;
  readonly proved: Proved;
  readonly local: TcpAddress;
  /** What the times in its messages count from. */
  readonly welcomedAt: number;
  /** Nobody waits for the answer any more. */
  readonly over: AbortSignal;
}

export type Answer = Omit<Ok, "t" | "n" | "at">;

/** null: the session has ended meanwhile. Rejects with HarmonyError where the message is refused. */
export async function answerTo(asker: Asker, message: FromReporter, options: AnswerOptions): Promise<Answer | null> {
  const { claim } = asker.proved;
  if (claim.as === "join") {
    if (message.t !== "join") throw forbidden("an invitation is good for joining alone");
    return { name: await join(asker, claim.id, options) };
  }
  switch (message.t) {
    case "report":
      return report(asker, message, options);
    case "leave":
      return options.registry.leave(asker, message.ref);
    case "rotate":
      await rotate(asker, Buffer.from(message.key, "base64"), options);
      return {};
    case "join":
      throw forbidden("who joins needs an invitation");
  }
}

async function report(asker: Asker, message: Report, options: AnswerOptions): Promise<Answer | null> {
  const { host, reach } = await find(asker, message, options);
  const { registry, services } = options;
  if (asker.over.aborted) return null;
  if (services !== null && isBringing(message)) {
    registry.judge(asker, message, host); // what is refused anyway opens no port
    await services.bring(message, { key: asker.key.id, ports: registry.quotaOf(asker.key).targets });
  }
  if (asker.over.aborted) return null; // replaced meanwhile: it must not take the target back
  // Held back on the way, it is as old as its reporter says.
  const madeAt = asker.welcomedAt + message.made;
  const answer = registry.report(asker, message, host, { ref: message.ref, reach, madeAt });
  return services === null || message.listen === undefined ? answer : { ...answer, listen: message.listen };
}

async function find(asker: Asker, report: Report, options: AnswerOptions): Promise<Found> {
  const { key, proved, remote } = asker;
  const { advertise } = report;
  if (advertise !== undefined)
    return { host: await advertisedHost(asker, { ...report, advertise }, options, asker.over) };
  const mismatch = addressMismatch(key, report, proved.hello, asker);
  if (mismatch !== null) throw mismatch;
  return isLoopback(remote.host) ? options.loopback.find(asker, report, report.ref) : { host: remote.host };
}

function join({ proved }: Asker, invitation: string, { invitations }: AnswerOptions): Promise<string> {
  if (invitations === null || proved.publicKey === null) throw forbidden("this balancer has invited nobody");
  return invitations.redeem(invitation, proved.publicKey, proved.hello.name);
}

async function rotate({ key }: Asker, next: Uint8Array, { reporters }: AnswerOptions): Promise<void> {
  if (reporters === null || !isOwn(key)) throw forbidden("only an invited reporter has a key of its own to change");
  if (next.length !== key.publicKey.length)
    throw new HarmonyError("BAD_MESSAGE", "the new key is none", { fault: "target" });
  await reporters.rotate(key.id, key.publicKey, next);
}

function forbidden(why: string): HarmonyError {
  return new HarmonyError("FORBIDDEN", why, { fault: "target" });
}
