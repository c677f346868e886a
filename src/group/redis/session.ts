/** A way to the server that the group is written to: found, logged in, listening. */
import type { Address, TcpAddress } from "../../net/runtime.ts";
import { parseIp } from "../../util/address.ts";
import { type Clock, every } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import type { GroupPlace } from "../place.ts";
import { type Answer, Connection, type ConnectionTerms } from "./connection.ts";
import type { Layout } from "./layout.ts";
import { lostError, ReplyError, refusalOf, unneededError } from "./reply.ts";

/** What it takes to get in, read anew for each attempt. */
export interface Login {
  readonly user: string | null;
  readonly password: string | null;
}

/** Two connections, which end together: a way that asks but does not hear would miss what others write. */
export interface Session {
  readonly commands: Connection;
  readonly hints: Connection;
  /** By which that server with its data is known again; null: it does not say. */
  readonly server: string | null;
}

export interface SessionTerms extends ConnectionTerms {
  readonly place: GroupPlace;
  readonly login: Login;
  readonly layout: Layout;
}

/** Nodes that send on to each other: a cluster that does so more often does not know itself where its keys are. */
const MAX_MOVES = 5;
/** ms. A way that only listens would not notice that it is cut. */
const PING_MS = 5_000;

const NO_PASSWORD = /no password is set|without any password configured/i;

/** Tries the addresses of the place one after the other, from the `first` on. Rejects with HarmonyError, that of the last. */
export async function openSession(terms: SessionTerms, first: number): Promise<Session> {
  const { addresses } = terms.place;
  let problem: unknown;
  for (let i = 0; i < addresses.length; i++) {
    try {
      return await openFrom(addresses[(first + i) % addresses.length]!, terms);
    } catch (error) {
      problem = error;
      if (terms.signal.aborted) break;
    }
  }
  throw problem;
}

async function openFrom(address: Address, terms: SessionTerms): Promise<Session> {
  if (terms.place.form === "sentinel") return openAt(await primaryOf(address, terms), terms);
  let at = address;
  for (let moves = 0; ; moves++) {
    const found = await openAtOrMoved(at, terms);
    if (!("moved" in found)) return found;
    if (moves === MAX_MOVES) throw lostError(found.where, "sends on to another node of its cluster, again and again");
    at = found.moved;
  }
}

/** What a sentinel says of the server's place. */
async function primaryOf(sentinel: Address, terms: SessionTerms): Promise<Address> {
  const master = terms.place.master!;
  const connection = await Connection.open(sentinel, terms);
  try {
    const question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master] as const;
    let [answer] = await connection.ask([question]);
    if (answer instanceof ReplyError && answer.code === "NOAUTH") {
      await logIn(connection, terms.login);
      [answer] = await connection.ask([question]);
    }
    if (answer instanceof ReplyError) throw refusalOf(answer, connection.where).error;
    const address = Array.isArray(answer) ? addressOf(answer[0], answer[1]) : null;
    if (address !== null) return address;
    const text = `the sentinel at ${connection.where} knows no ${JSON.stringify(master)}: see to the name in group`;
    throw new HarmonyError("GROUP_REFUSED", text, { fault: "config", retry: true });
  } finally {
    connection.drop(unneededError(connection.where));
  }
}

function addressOf(host: Answer | undefined, port: Answer | undefined): TcpAddress | null {
  const number = Number(port);
  if (typeof host !== "string" || !Number.isInteger(number) || number < 1 || number > 65_535) return null;
  // It comes over a network, and goes into logs.
  return /^[\w.-]+$/.test(host) || parseIp(host) !== null ? { host, port: number } : null;
}

async function openAt(address: Address, terms: SessionTerms): Promise<Session> {
  const found = await openAtOrMoved(address, terms);
  if ("moved" in found) throw lostError(found.where, "is part of a cluster: write redis+cluster:// in group");
  return found;
}

type Moved = { readonly moved: TcpAddress; readonly where: string };

async function openAtOrMoved(address: Address, terms: SessionTerms): Promise<Session | Moved> {
  const commands = await Connection.open(address, terms);
  const opened = [commands];
  try {
    await enter(commands, terms);
    const moved = await tryOut(commands, address, terms);
    if (moved !== null) {
      dropAll(opened, lostError(commands.where, "has not the group's keys"));
      return { moved, where: commands.where };
    }
    const hints = await Connection.open(address, terms);
    opened.push(hints);
    await enter(hints, terms);
    const answer = await hints.subscribe(terms.layout.channel);
    if (answer instanceof ReplyError) throw refusalOf(answer, hints.where).error;
    bind(commands, hints, terms.clock);
    return { commands, hints, server: await serverOf(commands) };
  } catch (error) {
    dropAll(opened, error instanceof HarmonyError ? error : lostError(commands.where, "cannot be used"));
    throw error;
  }
}

function dropAll(connections: readonly Connection[], reason: HarmonyError): void {
  for (const connection of connections) connection.drop(reason);
}

async function enter(connection: Connection, { login, place }: SessionTerms): Promise<void> {
  await logIn(connection, login);
  if (place.database === 0) return;
  const [answer] = await connection.ask([["SELECT", String(place.database)]]);
  if (answer instanceof ReplyError) throw refusalOf(answer, connection.where).error;
}

async function logIn(connection: Connection, { user, password }: Login): Promise<void> {
  if (password === null) return;
  const [answer] = await connection.ask([["AUTH", ...(user === null ? [] : [user]), password]]);
  // One that asks for none can be used with one.
  if (answer instanceof ReplyError && !NO_PASSWORD.test(answer.text)) {
    throw refusalOf(answer, connection.where, true).error;
  }
}

/** Whether it can be read and is a primary, before anybody relies on it; or which node of the cluster has the keys. */
async function tryOut(connection: Connection, from: Address, { layout }: SessionTerms): Promise<TcpAddress | null> {
  const [length, role] = await connection.ask([["HLEN", layout.members], ["ROLE"]]);
  if (length instanceof ReplyError) {
    const moved = length.code === "MOVED" ? movedTo(length.text, from) : null;
    if (moved !== null) return moved;
    throw refusalOf(length, connection.where).error;
  }
  // Who may not ask for its role hears of it when it writes.
  if (Array.isArray(role) && role[0] === "slave") {
    throw refusalOf(new ReplyError("READONLY it is a replica"), connection.where).error;
  }
  return null;
}

/** What a server has another of after a start (`run_id`), and after it was made a primary or a replica (`master_replid`). Who may not ask is not told. */
async function serverOf(connection: Connection): Promise<string | null> {
  const answers = await connection.ask([
    ["INFO", "server"],
    ["INFO", "replication"],
  ]);
  const text = answers.map((answer) => (typeof answer === "string" ? answer : "")).join("\n");
  const [run, data] = [/^run_id:(\w{1,64})\s*$/m.exec(text)?.[1], /^master_replid:(\w{1,64})\s*$/m.exec(text)?.[1]];
  return run === undefined || data === undefined ? null : `${run} ${data}`;
}

/** `MOVED 1234 10.0.0.5:6379`; without a host it is the one that answers. */
function movedTo(text: string, from: Address): TcpAddress | null {
  const [, host = "", port] = /^MOVED \d+ (.*):(\d+)$/.exec(text) ?? [];
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  if (plain === "") return "host" in from ? addressOf(from.host, port ?? "") : null;
  return addressOf(plain, port ?? "");
}

/** Each ends with the other. */
function bind(commands: Connection, hints: Connection, clock: Clock): void {
  const cancel = every(clock, PING_MS, () => {
    hints.ping().catch(() => undefined); // it has ended then, which `ended` tells
  });
  void commands.ended.then((reason) => hints.drop(reason));
  void hints.ended.then((reason) => {
    cancel();
    commands.drop(reason);
  });
}
