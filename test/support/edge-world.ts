/** A balancer whose listeners ask something of their clients, targets that send back what has reached them, and its own counts. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runtime as native } from "#runtime";
import type { Connection as OpenConnection } from "../../src/admin/api/schemas/connections.ts";
import type { Listener } from "../../src/admin/api/schemas/pools.ts";
import type { Address, Connection } from "../../src/net/runtime.ts";
import { KEY, startBalancer } from "./cluster.ts";
import { temporaryFolder } from "./folder.ts";
import { field } from "./log.ts";
import { type Serve, serve, type TestServer } from "./peers.ts";
import { LOOPBACK } from "./ports.ts";
import type { Program } from "./program.ts";
import { readAll } from "./stream.ts";
import { until, within } from "./wait.ts";

export interface EdgeWorld {
  readonly program: Program;
  readonly file: string;
  /** Why clients were turned away at that listener, and how often; what never happened is left out. */
  refusals(listener: string): Promise<Record<string, number>>;
  connections(): Promise<readonly OpenConnection[]>;
  metrics(): Promise<string>;
}

export interface EdgeOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `document`: TOML, with listeners at ports of freePorts(). Resolves once `up` targets are up. */
export async function startEdge(
  document: string,
  up: number,
  { args = [], env = {} }: EdgeOptions = {},
): Promise<EdgeWorld> {
  const folder = temporaryFolder("edge");
  const file = join(folder, "harmony.toml");
  const token = randomBytes(32).toString("hex");
  writeFileSync(file, document);
  writeFileSync(join(folder, "key"), `${KEY}\ntoken name=test right=act secret=${token}\n`, { mode: 0o600 });
  const places = ["--config", file, "--key-file", join(folder, "key"), "--api", `${LOOPBACK}:0`];
  const { program } = await startBalancer([...places, ...args], { env: { HARMONY_KEY: undefined, ...env } });
  const url = field(await program.says(/the dashboard is at/), "dashboard") as string;
  const ask = (path: string) =>
    within(path, fetch(new URL(path, url), { headers: { authorization: `Bearer ${token}` } }));
  const items = async <T>(path: string) => ((await (await ask(path)).json()) as { items: readonly T[] }).items;
  await until(`${up} targets`, async () => {
    const targets = await items<{ state: string }>("/v1/targets");
    return targets.filter(({ state }) => state === "up").length >= up;
  });
  return {
    program,
    file,
    async refusals(name) {
      const found = (await items<Listener>("/v1/listeners")).find((each) => each.name === name);
      return Object.fromEntries(Object.entries(found?.refusals ?? {}).filter(([, clients]) => clients > 0));
    },
    connections: () => items("/v1/connections"),
    metrics: async () => (await ask("/metrics")).text(),
  };
}

/** Says its name, and then what it has got up to the client's FIN. */
export function mirror(name: string): Promise<TestServer> {
  return serve(mirroring(name));
}

export function mirroring(name: string): Serve {
  return async (connection) => {
    const bytes = await readAll(connection);
    await connection.write(Buffer.concat([Buffer.from(`${name}|`), bytes]));
    await connection.close();
  };
}

export interface Answer {
  /** Which target has answered; empty: none has. */
  readonly by: string;
  /** What had reached it. */
  readonly got: Buffer;
}

const NONE: Answer = { by: "", got: Buffer.alloc(0) };

/** Sends the pieces one by one, then FIN, and gives the answer; none where it is turned away, however that looks from here. */
export async function ask(to: Address, pieces: Uint8Array | readonly Uint8Array[]): Promise<Answer> {
  let connection: Connection | null = null;
  try {
    connection = await within("connecting", native.connect({ to }));
    for (const piece of [pieces].flat() as Uint8Array[]) await connection.write(piece);
    await connection.closeWrite();
    const answer = Buffer.from(await readAll(connection));
    const end = answer.indexOf("|");
    return end < 0 ? NONE : { by: answer.toString("latin1", 0, end), got: answer.subarray(end + 1) };
  } catch (error) {
    // Who is refused at once may be reset before he knows that he is connected.
    if (["ECONNRESET", "EPIPE"].includes((error as { code?: string }).code ?? "")) return NONE;
    throw error;
  } finally {
    await connection?.close().catch(() => undefined); // it has been reset
  }
}
