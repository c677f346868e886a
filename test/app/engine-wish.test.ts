/** What is asked of an engine before it is chosen, and what is not its matter. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { engineWish } from "../../src/app/engine-wish.ts";
import { serverSettings } from "../../src/config/library.ts";
import { certificateFiles } from "../support/certificates.ts";

it("is how sockets are set, but for those of TLS", () => {
  const { cert, key } = certificateFiles;
  const settings = serverSettings({
    key: "a-key-that-only-these-tests-use",
    pools: { web: { targetDscp: 8 }, db: { targetTls: true }, api: { targetKeepalive: "count=5", keepalive: false } },
    listeners: {
      a: { listen: 3000, routes: [{ pool: "web" }, { pool: "db", name: "db.test" }], clientKeepalive: "idle=20s" },
      b: { listen: 3001, routes: [{ pool: "api" }], tls: { cert, key } },
    },
  });
  const { listen, sockets } = engineWish(settings);
  assert.deepEqual(
    listen.map((where) => "port" in where && where.port),
    [3000],
  );
  assert.deepEqual(sockets, {
    listeners: [{ keepaliveTimes: { idle: 20, interval: 13, count: 3 } }],
    targets: [{ dscp: 8 }],
  });
});

it("is nothing where the pools and listeners that want something speak TLS", () => {
  const settings = serverSettings({ key: "a-key-that-only-these-tests-use" });
  const [pool] = settings.pools.values();
  const pools = new Map([["default", { ...pool!, targetTls: settings.poolDefaults.targetTls, targetDscp: 8 }]]);
  assert.equal(engineWish({ ...settings, pools }).sockets?.targets.length, 1);
  const tls = { verify: true, name: null, ca: null, certificate: null, alpn: [] };
  pools.set("default", { ...pools.get("default")!, targetTls: tls });
  assert.deepEqual(engineWish({ ...settings, pools }).sockets, { listeners: [], targets: [] });
});
