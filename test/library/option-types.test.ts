/**
 * The library's option types are derived from the option tables. The compiler holds these samples to the types, with every
 * option there is; the tests hold them to the tables, and to what is taken when the program runs.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { clientSettings, serverSettings } from "../../src/config/library.ts";
import { namesIn } from "../../src/config/names.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import type { ClientOptions, ServerOptions } from "../../src/index.ts";
import { ALGORITHM_NAMES } from "../../src/pool/pool.ts";
import { certificateFiles, ocspFile } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const passwordFile = join(temporaryFolder("option-types"), "password");
writeFileSync(passwordFile, "of the group\n", { mode: 0o600 });

/** A value of each form that an option takes. */
type Samples<Options> = { [K in keyof Options]-?: NonNullable<Options[K]>[] };

const server: Samples<ServerOptions> = {
  host: ["127.0.0.1", ""],
  listenport: [0, 3000],
  adminport: [0],
  listen: ["127.0.0.1:0", 3000, ["[::1]:3000", 3001]],
  admin: ["127.0.0.1:0", 1666, ["[::1]:1666", 1667]],
  acceptProxy: ["10.0.0.0/8", ["10.0.0.0/8", "2001:db8::/32"], []],
  allow: ["192.0.2.0/24", ["192.0.2.0/24", "198.51.100.7"], []],
  deny: ["192.0.2.9", []],
  clientConnections: [0, 20],
  clientRate: [false, "20/s", "100/h"],
  clientBurst: [5],
  clientNetwork: ["24 48"],
  refuse: ["reset", "close", "tarpit", "tarpit 20s", "text Go away."],
  prereadTimeout: [500, "3s"],
  tls: [
    "off",
    `cert=${certificateFiles.cert} key=${certificateFiles.key}`,
    {
      cert: certificateFiles.cert,
      key: certificateFiles.key,
      alpn: ["h2", "http/1.1"],
      handshake: 5_000,
      tickets: false,
    },
    {
      cert: [certificateFiles.cert],
      key: [certificateFiles.key],
      ocsp: [ocspFile("server")],
      clientCa: certificateFiles.ca,
      client: "optional",
      min: "1.3",
    },
  ],
  listenFastOpen: [64],
  deferAccept: [0, "9s"],
  listenTransparent: [true],
  clientSendBuffer: [65_536],
  clientReceiveBuffer: [65_536],
  clientNodelay: [false],
  clientKeepalive: ["idle=20s count=5"],
  clientCongestion: ["cubic"],
  clientDscp: [46],
  sendProxy: ["off", "v1", "v2"],
  sendProxyTlvs: [["unique-id", "0xE0=blue"], []],
  targetTls: [true, false, "verify=off", { ca: certificateFiles.ca, name: "db.internal" }],
  source: ["client", ["127.0.0.2", "::1"], []],
  targetClose: ["fin", "reset"],
  targetFastOpen: [true],
  targetSendBuffer: [65_536],
  targetReceiveBuffer: [65_536],
  targetNodelay: [false],
  targetKeepalive: ["interval=5s"],
  targetCongestion: ["reno"],
  targetDscp: [10],
  algorithm: [...ALGORITHM_NAMES],
  slowStart: ["30s", 0],
  persistent: [true, false, {}, 5000, "30m"],
  persistentShared: [true, false, "wait 5ms"],
  concurrency: [-1],
  queue: [0],
  queueTimeout: [500, "5s"],
  queueWhenEmpty: [0, "10s"],
  requeue: [0],
  unavailable: ["Sorry.", (error, socket) => socket.end(error.code)],
  hostTimeout: [0.5, "30s"],
  heartbeat: [false, 500, "2s"],
  serviceTimeout: [0, "5m"],
  panic: [false],
  onDown: ["keep", "drain", "drain 5s", "kill"],
  rebalance: [false, "10/s", "1%/m"],
  connectTimeout: [500, "5s"],
  check: ["off", "http:/healthz interval=5s", { type: "http", path: "/healthz", interval: "2s", rise: 1 }],
  agentCheck: ["off", 9999, "10.0.0.9:9999 interval=5s"],
  idleTimeout: [0, "5s"],
  keepalive: [false, 60_000, "1m"],
  drainTimeout: [0, "5s"],
  stopDelay: [0, "5s"],
  startHold: [0, "5s"],
  keyFile: ["key"],
  key: ["web:a-secret-of-this-test"],
  reporters: ["reporters"],
  insecure: [true],
  adminTlsCert: [certificateFiles.cert],
  adminTlsKey: [certificateFiles.key],
  engine: ["auto", "portable", "linux"],
  maxTargets: [1, 100_000],
  maxBindings: [8, 1 << 24],
  hangDetection: [true, false],
  ejectAfter: [0, 3],
  ejectSlow: [500, "5s"],
  ejectTime: [500, "5s"],
  ejectShare: [0, 50],
  threads: [1, "auto"],
  api: ["auto", "off", "unix:/run/balancer/api.sock", ["auto", "127.0.0.1:1667"]],
  state: ["auto", "off", "/var/lib/harmony/state.json"],
  apiTlsCert: [certificateFiles.cert],
  apiTlsKey: [certificateFiles.key],
  apiInsecure: [true],
  apiHost: ["balancer.example", ["lb", "balancer.example"]],
  metrics: [9100, "127.0.0.1:9100"],
  resolver: ["10.0.0.53", ["10.0.0.53", "127.0.0.1:8600"]],
  group: ["redis://10.0.0.5:6379/1", "rediss+cluster://10.0.0.5,10.0.0.6:7000"],
  groupName: ["east"],
  groupPasswordFile: [passwordFile],
  groupPassword: ["of the group"],
  groupCa: [certificateFiles.ca],
  targets: [
    [
      "10.0.0.5:5432",
      {
        address: "db.example:5432",
        weight: 200,
        maxConnections: 50,
        priority: 1,
        backup: true,
        check: { type: "tcp" },
        agentCheck: 9999,
      },
    ],
  ],
  pools: [{ db: { listen: 5432, algorithm: "hash", targets: ["10.0.0.5:5432"] } }],
  listeners: [
    {
      web: {
        listen: 443,
        allow: ["10.0.0.0/8"],
        tls: { cert: certificateFiles.cert, key: certificateFiles.key },
        routes: [{ name: ["*.a.example"], alpn: "h2", pool: "default", tls: "pass" }, { pool: "default" }],
      },
    },
    { tls: { listen: [443, "unix:/run/tls.sock"], routes: [{ pool: "default" }], keepalive: false } },
  ],
};

const client: Samples<ClientOptions> = {
  host: ["balance.mydomain", ["a", "b:1666"]],
  adminPort: [1666],
  adminport: [1666],
  port: [80],
  listenport: [80],
  localport: [80],
  advertise: ["10.0.0.5"],
  balance: [1000, "auto", "auto:/usr/local/bin/room ceiling=1000"],
  weight: [1000],
  check: ["off", "http:/healthz interval=500ms", { type: "http", path: "/healthz", interval: 500 }],
  ack: [60_000, "1m"],
  pool: ["default"],
  id: ["web-1"],
  maxConnections: [0],
  priority: [1],
  sendProxy: ["pool", "v2"],
  listen: [5000],
  poolOptions: [{ algorithm: "random", queueTimeout: 5_000 }, ["algorithm=random"]],
  targets: [
    [
      { port: 80, pool: "web" },
      { localport: 81, weight: 7 },
    ],
  ],
  drainTimeout: [0, "5s"],
  keyFile: ["key"],
  key: ["web:a-secret-of-this-test"],
  identity: ["reporter-identity"],
  insecure: [false],
  tls: [true],
  tlsCa: [certificateFiles.ca],
};

/** What is no option, but tables of options. */
const TABLES: Readonly<Record<string, readonly string[]>> = { server: ["pools", "listeners"], client: ["targets"] };

/** Options that have to come together. */
const TOGETHER: Record<string, object> = {
  groupName: { group: "redis://10.0.0.5" },
  groupPasswordFile: { group: "redis://10.0.0.5" },
  groupCa: { group: "rediss://10.0.0.5" },
  adminTlsCert: { adminTlsKey: certificateFiles.key },
  adminTlsKey: { adminTlsCert: certificateFiles.cert },
  apiTlsCert: { apiTlsKey: certificateFiles.key },
  apiTlsKey: { apiTlsCert: certificateFiles.cert },
  poolOptions: { listen: 5000 },
};

for (const [name, table, samples, settings] of [
  ["server", balancerOptions, server, serverSettings],
  ["client", reporterOptions, client, clientSettings],
] as const) {
  describe(`the options of ${name}()`, () => {
    test("have a type each, and no type is of no option", () => {
      const { options } = namesIn(table, "library");
      assert.deepEqual(
        Object.keys(samples)
          .filter((each) => !TABLES[name]!.includes(each))
          .toSorted(),
        [...options.keys()].toSorted(),
      );
    });
    for (const [option, values] of Object.entries(samples)) {
      test(`${option} takes what its type says`, () => {
        for (const value of values) settings({ ...TOGETHER[option], [option]: value });
      });
    }
  });
}
