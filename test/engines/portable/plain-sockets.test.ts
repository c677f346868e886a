/** What this engine's sockets cannot be is refused by name, before anything is served. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runtime } from "#runtime";
import { portable } from "../../../src/engines/portable/engine.ts";
import type { ListenSocketOptions, TargetSocketOptions } from "../../../src/net/socket-options.ts";
import { ANY_PORT } from "../../support/ports.ts";

const DEFAULTS: ListenSocketOptions & TargetSocketOptions = {
  noDelay: true,
  close: "fin",
  source: [],
  transparent: false,
};

describe("portable engine, sockets that are not as runtimes make them", () => {
  const listen = [ANY_PORT];

  it("are a reason for another engine, which is told", async () => {
    const sockets = { listeners: [{ fastOpen: 10 }, { dscp: 0 }], targets: [{ source: "client" as const }] };
    const reason = await portable.test({ listen, sockets });
    assert.match(reason ?? "", /without fastOpen, dscp, source$/);
    const from = { listeners: [], targets: [{ source: ["127.0.0.1"] }] };
    assert.equal((await portable.test({ listen, sockets: from })) === null, runtime.can.localAddress);
    assert.equal(await portable.test({ listen, sockets: { listeners: [DEFAULTS], targets: [DEFAULTS] } }), null);
  });

  it("are refused at a listener, when it is bound and when it changes, and for a pool", async () => {
    const engine = portable.create({ onClose: () => undefined, onWarning: () => undefined });
    await engine.start();
    try {
      const refused = { code: "EINVAL", message: /the portable engine: sockets are as the runtime makes them/ };
      await assert.rejects(engine.bind(ANY_PORT, { keepalive: 0, sockets: { dscp: 8 } }), refused);
      const listener = await engine.bind(ANY_PORT, { keepalive: 0, sockets: DEFAULTS });
      assert.throws(() => listener.change(ANY_PORT, { keepalive: 0, sockets: { noDelay: false } }), refused);
      assert.throws(() => engine.checkSockets({ close: "reset" }), refused);
      engine.checkSockets(DEFAULTS);
      await listener.close();
    } finally {
      await engine.close(0);
    }
  });
});
