/** A balancer that does not exist, behind the real doors of the API, and commands as processes that ask it. */
import { join } from "node:path";
import { runtime } from "#runtime";
import { GuessLimit } from "../../../src/admin/access/guess-limit.ts";
import { apiApp } from "../../../src/admin/api/app.ts";
import { AdminServer } from "../../../src/admin/server.ts";
import { parseTokens } from "../../../src/control/keys/token.ts";
import type { TlsCertificate } from "../../../src/net/runtime.ts";
import { systemClock } from "../../../src/util/clock.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { FakeOperated } from "../../support/operated.ts";
import { type Program, start } from "../../support/program.ts";

export const SECRETS = { read: "r".repeat(40), act: "a".repeat(40), web: "w".repeat(40) };
const TOKENS = parseTokens(
  `token name=watcher right=read secret=${SECRETS.read}
token name=deploy right=act secret=${SECRETS.act}
token name=web right=act pool=web secret=${SECRETS.web}`,
  "keys",
);

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Served {
  readonly operated = new FakeOperated();
  readonly socket = join(temporaryFolder("served"), "api.sock");
  readonly faults: unknown[] = [];
  url = "";
  readonly #server: AdminServer;

  constructor() {
    const app = apiApp(this.operated);
    this.#server = new AdminServer({
      runtime,
      answer: (request, visit) => app.fetch(request, visit),
      tokens: { find: (secret) => TOKENS.find((token) => token.secret === secret) },
      guesses: new GuessLimit(systemClock),
      names: [],
      onAnswer: () => undefined,
      onFault: (error) => this.faults.push(error),
    });
  }

  async listen(tls: TlsCertificate | null = null): Promise<void> {
    await this.#server.listenAtSocket({ path: this.socket, mode: null, owner: null, group: null });
    await this.#server.listenAtPort({ host: "127.0.0.1", port: 0 }, tls);
    this.url = this.#server.places.urls[0]!;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  /** A command over the socket, which is to be ended. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    return start("harmony-balancer", args, { env: { HARMONY_API: `unix:${this.socket}`, ...env } });
  }

  run(...args: string[]): Promise<Ran> {
    return ended(this.start(args));
  }

  runWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
    return ended(this.start(args, env));
  }
}

export async function ended(program: Program): Promise<Ran> {
  const { code } = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}
