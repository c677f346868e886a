/** Pools by what clients ask for in their ClientHello, which targets get as it was sent. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import type { RouteRule } from "../../../src/edge/rules.ts";
import { clientHello, join } from "../../support/client-hellos.ts";
import { echo, greeter } from "../../support/peers.ts";
import { drain, readAll, readText, text } from "../../support/stream.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";
import { type Asking, ask, assertCounted, assertRefused, clientSaying, HERE } from "./asking.ts";

const ROUTES: readonly RouteRule[] = [
  { names: ["a.test"], alpn: [] },
  { names: ["*.b.test"], alpn: [] },
  { names: [], alpn: ["acme-tls/1"] },
  { names: [], alpn: [] },
];
const POOLS = ["exact", "wild", "acme", "rest"];

export function routing(host: Host): void {
  /** A pool for each of the routes, with one target each that says its name. */
  const inPools = (routes: readonly RouteRule[], test: (lab: Lab, asking: Asking) => Promise<void>, serve = named) =>
    inLab(host, {}, async (lab) => {
      const fronts = [];
      for (const name of POOLS.slice(0, routes.length)) {
        const front = await lab.another(name, { listen: [] });
        await lab.target(name, serve(name), {}, front);
        fronts.push(front);
      }
      const asking = await ask(
        lab,
        { routes, prereadTimeout: 1_000 },
        fronts.map(({ pool }) => pool),
      );
      await test(lab, asking);
    });
  const named = (name: string) => greeter(`${name}.`);

  const cases: readonly [string, Uint8Array, string][] = [
    ["an exact name", clientHello({ serverName: "a.test" }), "exact"],
    ["an exact name in other letters", clientHello({ serverName: "A.Test" }), "exact"],
    ["a name below a wildcard", clientHello({ serverName: "x.y.b.test" }), "wild"],
    ["the wildcard's own name, which it does not match", clientHello({ serverName: "b.test" }), "rest"],
    ["a protocol, whatever the name", clientHello({ serverName: "z.test", alpn: ["h2", "acme-tls/1"] }), "acme"],
    [
      "a name and a protocol that no route of it asks for",
      clientHello({ serverName: "a.test", alpn: ["acme-tls/1"] }),
      "exact",
    ],
    ["no name", clientHello({}), "rest"],
    ["no extensions", clientHello({ isOld: true }), "rest"],
    ["a name in records of 7 bytes", clientHello({ serverName: "a.test" }, 7), "exact"],
    ["something that is no TLS", text("GET / HTTP/1.1\r\n\r\n"), "rest"],
  ];
  for (const [what, bytes, pool] of cases) {
    it(`finds the pool for ${what}`, () =>
      inPools(ROUTES, async (lab) => {
        const client = await clientSaying(lab, bytes, true);
        assert.equal(await readText(client), `${pool}.`);
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.pool, record!.bytesIn], [pool, bytes.length]);
      }));
  }

  it("gives the target all that the client has sent, as it was sent", () =>
    inPools(
      ROUTES,
      async (lab) => {
        const hello = clientHello({ serverName: "a.test", extensions: [{ type: 99, data: new Uint8Array(9_000) }] });
        const rest = text("and more");
        const client = await lab.client();
        for (let at = 0; at < hello.length; at += 1_000) await client.write(hello.subarray(at, at + 1_000));
        await client.write(rest);
        await client.closeWrite();
        const echoed = await readAll(client);
        assert.ok(Buffer.from(echoed).equals(join(hello, rest)));
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.pool, record!.facts!.serverName], ["exact", "a.test"]);
        assert.equal(record!.bytesIn, hello.length + rest.length);
      },
      () => echo,
    ));

  it("finds it behind a PROXY header, of which the target gets nothing", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { senders: HERE, routes: [{ names: ["a.test"], alpn: ["h2"] }] });
      const got: number[] = [];
      await lab.target("one", async (connection) => {
        got.push(await drain(connection));
        await connection.close();
      });
      const hello = clientHello({ serverName: "a.test", alpn: ["h2", "http/1.1"] });
      const header = text("PROXY TCP6 2001:db8::1 2001:db8::2 1 443\r\n");
      await clientSaying(lab, join(header, hello), true);
      const [record] = await lab.recorded(1);
      assert.deepEqual(got, [hello.length]);
      assert.deepEqual(record!.client, { host: "2001:db8::1", port: 1 });
      assert.deepEqual([record!.facts!.serverName, record!.facts!.alpn], ["a.test", "h2"]);
      assert.deepEqual(asking.refusals(), {});
    }));

  const refused: readonly [string, Uint8Array, "bad-hello" | "no-hello" | "no-route"][] = [
    ["a name that no route takes", clientHello({ serverName: "z.test" }), "no-route"],
    ["no name, where all routes have one", clientHello({}), "no-route"],
    ["something that is no TLS, where all routes have names", text("GET / HTTP/1.1\r\n\r\n"), "bad-hello"],
    ["TLS that begins with something else", Uint8Array.of(22, 3, 1, 0, 4, 2, 0, 0, 0), "bad-hello"],
    ["a hello that is too long", Uint8Array.of(22, 3, 1, 64, 0, 1, 1, 0, 0), "bad-hello"],
    ["half of a hello, for as long as it may take", clientHello({ serverName: "a.test" }).subarray(0, 60), "no-hello"],
    ["nothing, for as long as it may take", new Uint8Array(0), "no-hello"],
  ];
  for (const [what, bytes, reason] of refused) {
    it(`refuses ${what}`, () =>
      inPools(ROUTES.slice(0, 2), async (lab, asking) => {
        await assertRefused(lab, await clientSaying(lab, bytes), host);
        await assertCounted(asking, reason);
      }));
  }
}
