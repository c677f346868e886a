/** A server of the DNS on a UDP port of its own: A, AAAA and SRV records with times to live, and the ways in which servers fail. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { TcpAddress } from "../../src/net/runtime.ts";

export interface Zone {
  /** s */
  ttl?: number;
  A?: readonly string[];
  /** Groups of 16 bits in full, as in fd00:0:0:0:0:0:0:1. */
  AAAA?: readonly string[];
  SRV?: readonly { readonly priority: number; readonly weight: number; readonly port: number; readonly host: string }[];
  /** How questions of that type are treated instead. */
  broken?: Partial<Record<Type, "silent" | "fails">>;
}

type Type = "A" | "AAAA" | "SRV";
const NUMBERS: Record<Type, number> = { A: 1, AAAA: 28, SRV: 33 };
const HEADER = 12;
const QUESTION = 0xc00c; // a name: the one at the start of the question
const FAILS = 2;
const UNKNOWN_NAME = 3;

export class DnsServer {
  /** May be changed at any time. A name that is not here does not exist. */
  readonly zones: Map<string, Zone>;
  /** `type name` of each question. */
  readonly questions: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket, zones: Record<string, Zone>) {
    this.#socket = socket;
    this.zones = new Map(Object.entries(zones));
    socket.on("message", (message, from) => this.#answer(message, from));
  }

  static async start(zones: Record<string, Zone> = {}): Promise<DnsServer> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return new DnsServer(socket, zones);
  }

  get address(): TcpAddress {
    return { host: "127.0.0.1", port: this.#socket.address().port };
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(message: Buffer, { port, address }: RemoteInfo): void {
    const { name, end } = readName(message);
    const number = message.readUInt16BE(end);
    const type = (Object.keys(NUMBERS) as Type[]).find((each) => NUMBERS[each] === number);
    if (type === undefined) return;
    this.questions.push(`${type} ${name}`);
    const zone = this.zones.get(name);
    const broken = zone?.broken?.[type];
    if (broken === "silent") return;
    const code = broken === "fails" ? FAILS : zone === undefined ? UNKNOWN_NAME : 0;
    const records = code === 0 ? recordsOf(zone!, type) : [];
    const head = Buffer.from(message.subarray(0, end + 4));
    head.writeUInt16BE(0x8180 | code, 2); // an answer; recursion was desired, and is available
    for (const [at, count] of [1, records.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * at);
    this.#socket.send(Buffer.concat([head, ...records]), port, address);
  }
}

function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 1 };
}

function recordsOf({ ttl = 60, A = [], AAAA = [], SRV = [] }: Zone, type: Type): Buffer[] {
  const data = {
    A: A.map((ip) => Buffer.from(ip.split(".").map(Number))),
    AAAA: AAAA.map((ip) => numbers(...ip.split(":").map((group) => Number.parseInt(group, 16)))),
    SRV: SRV.map(({ priority, weight, port, host }) => Buffer.concat([numbers(priority, weight, port), nameOf(host)])),
  };
  return data[type].map((each) => {
    const time = Buffer.alloc(4);
    time.writeUInt32BE(ttl);
    return Buffer.concat([numbers(QUESTION, NUMBERS[type], 1), time, numbers(each.length), each]);
  });
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt16BE(value, 2 * at);
  return bytes;
}

function nameOf(host: string): Buffer {
  const labels = host.split(".").filter((label) => label !== "");
  return Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1")),
    Buffer.of(0),
  ]);
}
