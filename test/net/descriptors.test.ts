import assert from "node:assert/strict";
import { it } from "node:test";
import { runtime } from "#runtime";
import type { Connection } from "../../src/net/runtime.ts";
import { LOOPBACK } from "../support/ports.ts";
import { Program } from "../support/program.ts";
import { readExactly, show, text } from "../support/stream.ts";
import { standstill, until, within } from "../support/wait.ts";
import { skip, withFewDescriptors } from "./few-descriptors.ts";

const CLIENTS = 150;

interface Told {
  port: number;
  accepted: number;
  errors: string[];
  /** ms of CPU time since its start. */
  cpu: number;
}

/** A server without descriptors may also answer with a reset. */
function turnedAway(error: { code: string }): null {
  assert.equal(error.code, "ECONNRESET");
  return null;
}

it("a listener out of descriptors neither spins nor dies, serves the connections it has, and recovers", {
  skip,
}, async () => {
  const server = new Program(withFewDescriptors("crowded.ts"), { env: { DENO_NO_UPDATE_CHECK: "1" } });
  const told = () => server.printed.at(-1) as Told;
  const clients: Connection[] = [];
  try {
    await server.prints(0);
    const to = { host: LOOPBACK, port: told().port };
    for (let i = 0; i < CLIENTS; i++) {
      const client = await within(`client ${i}`, runtime.connect({ to }).catch(turnedAway));
      if (client !== null) clients.push(client);
    }
    const accepted = await standstill("the number accepted", () => told().accepted);
    assert.ok(accepted > 0 && accepted < CLIENTS, `${accepted} were accepted`);
    await clients[0]!.write(text("still there"));
    assert.equal(show(await readExactly(clients[0]!, 11)), "still there");

    const start = { at: Date.now(), cpu: told().cpu };
    await until("some time", () => told().cpu !== start.cpu && Date.now() - start.at > 600);
    const load = (told().cpu - start.cpu) / (Date.now() - start.at);
    assert.ok(load < 0.5, `it uses ${Math.round(load * 100)} % of a processor while there is nothing to do`);
    if (runtime.can.reportsAccept) assert.deepEqual(told().errors, ["EMFILE"]);

    for (const client of clients) client.abort();
    const late = await within("connecting again", runtime.connect({ to }));
    clients.push(late);
    await late.write(text("again"));
    assert.equal(show(await readExactly(late, 5)), "again");
  } finally {
    for (const client of clients) client.abort();
    await server.kill();
  }
});
