/**
 * A client, the target that it reached, and what must be true of what both of them see. The client begins with a header that
 * names the conversation; both directions are streams of their own, so that every byte can be checked where it arrives.
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { StreamPattern } from "../support/kernel/peers/stream-pattern.ts";
import { End } from "./end.ts";
import type { ConversationPlan } from "./plan.ts";

const MAGIC = 0x4841_524d;
export const HEADER_BYTES = 12;

/** The id of the conversation that begins with these bytes; undefined when they are no header. */
export function readHeader(header: Buffer): number | undefined {
  const id = header.readUInt32LE(4);
  return header.readUInt32LE(0) === MAGIC && header.readUInt32LE(8) === ~id >>> 0 ? id : undefined;
}

/** What happens to a balancer: it is told to stop, or killed. */
export type Fate = "nothing" | "stop" | "kill";

export interface ConversationRules {
  /** What a client is sent that gets no target; null: nothing. */
  readonly unavailable: Buffer | null;
  /** The program can send resets: a connection that is cut never looks as if it had been finished. */
  readonly resets: boolean;
  readonly idleTimeout: number;
  /** To be called with what must never be. */
  readonly onWrong: (what: string) => void;
}

export class Conversation {
  readonly id: number;
  readonly plan: ConversationPlan;
  readonly client: End;
  target: End | null = null;
  targetName = "";
  record: CloseRecord | null = null;
  /** The kernel has made the client's connection. */
  connected = false;
  /** It was over in a quiet moment, and had no record yet. */
  late = false;
  /** Its client had a local port, by which the record is known. */
  port = 0;
  readonly #rules: ConversationRules;
  readonly #up: StreamPattern;
  readonly #down: StreamPattern;

  constructor(id: number, plan: ConversationPlan, socket: Socket, rules: ConversationRules) {
    this.id = id;
    this.plan = plan;
    this.#rules = rules;
    this.#up = new StreamPattern(2 * id);
    this.#down = new StreamPattern(2 * id + 1);
    this.client = new End(socket, {
      script: plan.client,
      out: this.#up,
      onBytes: (offset, bytes) => this.#clientGot(offset, bytes),
      sent: plan.silent ? 0 : HEADER_BYTES,
    });
    socket.once("connect", () => {
      this.connected = true;
      if (!plan.silent) socket.write(this.#header());
      this.client.start();
    });
  }

  /** Its header has arrived at a target, and `rest` behind it. */
  reached(name: string, socket: Socket, rest: Uint8Array): End {
    if (this.target !== null) this.#wrong(`has reached two targets, ${this.targetName} and ${name}`);
    this.targetName = name;
    this.target = new End(socket, {
      script: this.plan.target,
      out: this.#down,
      onBytes: (offset, bytes) => this.#check(this.#up, offset, bytes, "the target"),
      received: HEADER_BYTES,
    });
    if (rest.length > 0) this.target.take(rest);
    this.target.start();
    return this.target;
  }

  get over(): boolean {
    return this.client.over && (this.target?.over ?? true);
  }

  /** Of a conversation that is over. `met`: what the balancer met with meanwhile; `short`: the kernel was short of memory. */
  judge(met: Fate, short: boolean): void {
    // The kernel closes what a killed process had, and sends FINs.
    if (met !== "kill") this.#judgeFins();
    if (this.record !== null) this.#judgeRecord(this.record, met, short);
    else if (met === "nothing" && this.#needsRecord) this.#wrong("has no record");
    else if (met === "stop" && this.target !== null) this.#wrong("was served, and has no record");
  }

  /** A client that was reset before it was accepted may be dropped without one. */
  get #needsRecord(): boolean {
    return this.connected && (this.target !== null || this.client.finReceived || this.client.left === "fin");
  }

  /** A FIN tells that all has come, so there is one only where the other side has sent one, and behind everything. */
  #judgeFins(): void {
    const { client, target } = this;
    if (target === null) {
      const whole = this.#rules.unavailable?.length ?? 0;
      if (client.finReceived && client.received !== 0 && client.received !== whole) {
        this.#wrong(`got ${client.received} bytes of the text for those without a target, and a FIN`);
      }
      return;
    }
    if (!this.#rules.resets && this.record?.cause !== "fin") return;
    if (client.finReceived) this.#judgeFin(target, client, "the client");
    if (target.finReceived) this.#judgeFin(client, target, "the target");
  }

  #judgeFin(from: End, to: End, whose: string): void {
    // Closing a descriptor sends a FIN as well, behind what the kernel had been given until then.
    if (from.left === "close") return;
    if (!from.finSent) this.#wrong(`${whose} was told that the other side has finished, and it has not`);
    else if (to.received !== from.sent) this.#wrong(`${whose} got a FIN before all bytes`);
  }

  #judgeRecord(record: CloseRecord, met: Fate, short: boolean): void {
    const { client, target, targetName } = this;
    const { bytesIn, bytesOut, cause, endedBy } = record;
    if (record.target === null) {
      if (target !== null) this.#wrong("reached a target, and its record says nobody");
      return;
    }
    if (bytesIn > client.sent) this.#wrong(`has ${bytesIn} bytes in recorded, more than the client has sent`);
    if (target === null) return;
    if (!record.target.endsWith(`:${targetName}`))
      this.#wrong(`reached ${targetName}, and its record says ${record.target}`);
    if (bytesIn < target.received) this.#wrong(`has ${bytesIn} bytes in recorded, fewer than the target has got`);
    if (bytesOut < client.received) this.#wrong(`has ${bytesOut} bytes out recorded, fewer than the client has got`);
    if (bytesOut > target.sent) this.#wrong(`has ${bytesOut} bytes out recorded, more than the target has sent`);
    const orderly = finishes(client) && finishes(target);
    if (cause === "fin" && orderly && (bytesIn !== client.sent || bytesOut !== target.sent)) {
      this.#wrong("is recorded as finished, and not with all bytes");
    }
    if (cause === "fin" && orderly && (client.received !== target.sent || target.received !== client.sent)) {
      this.#wrong("is recorded as finished, and not everything has arrived");
    }
    const timedOut = cause === "idle" && this.#rules.idleTimeout > 0;
    if (cause !== "fin" && orderly && !timedOut && !short && met === "nothing")
      this.#wrong(`was cut (${cause} by ${endedBy}) though both ends were orderly`);
  }

  #clientGot(offset: number, bytes: Uint8Array): void {
    if (this.target !== null) {
      this.#check(this.#down, offset, bytes, "the client");
      return;
    }
    const text = this.#rules.unavailable?.subarray(offset, offset + bytes.length);
    if (text === undefined || Buffer.compare(text, bytes) !== 0) {
      this.#wrong(`without a target got ${bytes.length} bytes that are not the text for those`);
    }
  }

  #check(stream: StreamPattern, offset: number, bytes: Uint8Array, whose: string): void {
    try {
      stream.check(offset, bytes, whose);
    } catch (error) {
      this.#wrong((error as Error).message);
    }
  }

  #wrong(what: string): void {
    this.#rules.onWrong(`${this} ${what}`);
  }

  #header(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(MAGIC, 0);
    header.writeUInt32LE(this.id, 4);
    header.writeUInt32LE(~this.id >>> 0, 8);
    return header;
  }

  toString(): string {
    const { client, id, plan, record, target, targetName } = this;
    const served = target === null ? "no target" : `target ${targetName} (${target})`;
    const { cause, endedBy, phase, bytesIn, bytesOut } = record ?? {};
    const said =
      record === null ? "no record" : `record: ${cause} by ${endedBy} in ${phase}, ${bytesIn} in, ${bytesOut} out`;
    const from = `${plan.address}:${this.port}`;
    return `conversation ${id} (${plan.kind}) of client ${from} (${client}), ${served}, ${said}:`;
  }
}

/** It has written all it had, and said so. */
function finishes({ left }: End): boolean {
  return left === "fin" || left === "follow";
}
