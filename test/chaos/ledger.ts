/** All conversations of a life, their records, and what these add up to. */
import { connect } from "node:net";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { LOOPBACK } from "../support/ports.ts";
import { Conversation, type ConversationRules, type Fate } from "./conversation.ts";
import { type ConversationPlan, isOfChaos } from "./plan.ts";
import { memoryPressures, tcpStates } from "./tcp-states.ts";

export interface Sum {
  connections: number;
  bytesIn: number;
  bytesOut: number;
}

/** Ids are never used twice, so that bytes that survive a balancer would show. */
let lastId = 0;

export class Ledger {
  readonly #rules: ConversationRules;
  /** Those that have not been judged. */
  readonly #conversations = new Map<number, Conversation>();
  /** Those that were judged last: nothing more may come of them. */
  #judged = new Map<number, Conversation>();
  /** Those that wait for their records, by the client's address: a port may be used again soon. */
  readonly #unrecorded = new Map<string, Conversation[]>();
  /** Records that came before their clients were told of their connections. */
  readonly #early = new Map<string, CloseRecord[]>();
  /** What the records of each target add up to. */
  readonly sums = new Map<string, Sum>();
  begun = 0;
  served = 0;
  #pressures = memoryPressures();

  constructor(rules: ConversationRules) {
    this.#rules = rules;
  }

  /** The conversation that a header names, unless there is none under way. */
  find(id: number): Conversation | undefined {
    const judged = this.#judged.get(id);
    if (judged !== undefined) this.#rules.onWrong(`${judged} begins at a target after its end`);
    return this.#conversations.get(id);
  }

  get all(): Conversation[] {
    return [...this.#conversations.values()];
  }

  begin(plan: ConversationPlan, port: number): Conversation {
    const socket = connect({ host: LOOPBACK, port, localAddress: plan.address, allowHalfOpen: true, noDelay: true });
    const conversation = new Conversation(++lastId, plan, socket, this.#rules);
    this.begun++;
    this.#conversations.set(conversation.id, conversation);
    socket.once("connect", () => {
      conversation.port = socket.localPort!;
      const name = `${plan.address}:${conversation.port}`;
      const early = this.#early.get(name)?.shift();
      if (early !== undefined) conversation.record = early;
      else this.#unrecorded.set(name, [...(this.#unrecorded.get(name) ?? []), conversation]);
    });
    return conversation;
  }

  recorded(record: CloseRecord): void {
    if (record.target !== null) this.#add(record.target, record);
    const name = `${record.client.host}:${record.client.port}`;
    const waiting = this.#unrecorded.get(name);
    if (waiting === undefined) {
      this.#early.set(name, [...(this.#early.get(name) ?? []), record]);
      return;
    }
    waiting.shift()!.record = record;
    if (waiting.length === 0) this.#unrecorded.delete(name);
  }

  /** Everybody has gone. Begins anew. */
  judge(met: Fate): void {
    const all = this.all;
    const states = tcpStates();
    for (const { client, target } of all) {
      client.settle(states);
      target?.settle(states);
    }
    // A kernel that runs short of memory for sockets cuts connections by itself.
    const pressures = memoryPressures();
    const short = pressures !== this.#pressures;
    this.#pressures = pressures;
    for (const conversation of all) {
      conversation.judge(met, short);
      if (conversation.target !== null && !conversation.late) this.served++;
    }
    // A connection that is reset before its client is told of it fails there, and has a record here.
    const unknown = all.filter(({ connected, client }) => !connected && client.error !== "ECONNREFUSED").length;
    const strangers = [...this.#early.values()].flat().filter(({ client }) => isOfChaos(client.host));
    if (strangers.length > unknown) {
      this.#rules.onWrong(`${strangers.length} records of clients that there are not: ${JSON.stringify(strangers[0])}`);
    }
    // A busy balancer may not have come to those yet that left before it took them: once more they are waited for.
    const late = met === "nothing" ? all.filter((each) => each.record === null && each.connected && !each.late) : [];
    for (const conversation of late) conversation.late = true;
    this.#judged = new Map(this.#conversations);
    this.#conversations.clear();
    for (const conversation of late) {
      this.#judged.delete(conversation.id);
      this.#conversations.set(conversation.id, conversation);
    }
    for (const [name, waiting] of this.#unrecorded) {
      const left = waiting.filter((each) => late.includes(each));
      if (left.length > 0) this.#unrecorded.set(name, left);
      else this.#unrecorded.delete(name);
    }
    this.#early.clear();
  }

  #add(target: string, { bytesIn, bytesOut }: CloseRecord): void {
    const sum = this.sums.get(target) ?? { connections: 0, bytesIn: 0, bytesOut: 0 };
    this.sums.set(target, sum);
    sum.connections++;
    sum.bytesIn += bytesIn;
    sum.bytesOut += bytesOut;
  }
}
