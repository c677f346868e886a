/** What a document says of what listeners ask of clients: whose it is, what is wrong with it, and the steps from one to another. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { difference } from "../../../src/config/document/difference.ts";
import { stepText } from "../../../src/config/document/step-text.ts";
import type { ListenerSettings } from "../../../src/config/settings.ts";
import { listenerTlsKind } from "../../../src/config/tls-kinds.ts";
import { certificateFiles, exactFiles, ocspFile } from "../../support/certificates.ts";
import { removeFolders } from "../../support/folder.ts";
import { completed, problemsOf, settingsOf } from "./files.ts";

after(removeFolders);

const { cert, key, ca } = certificateFiles;
const TLS = `tls = { cert = ${JSON.stringify(cert)}, key = ${JSON.stringify(key)} }`;

/** A pool `web` and a listener `l` that has this to say. */
function withListener(lines: string, top = ""): string {
  return `${top}[pool.web]\nlisten = 1\n[listener.l]\nlisten = 2\n${lines}\n`;
}

function listener(text: string, name = "l"): ListenerSettings {
  return settingsOf(text).listeners.get(name)!;
}

const TO_WEB = 'routes = [{ pool = "web" }]';

describe("what listeners ask of clients", () => {
  test("is their own before it is that of the top, in sections and in pools with a listen of their own", () => {
    const text = `deny = "10.0.0.1"\nclient-connections = 5\n[pool.web]\nlisten = 1\nclient-connections = 6\n[pool.db]\nlisten = 3\n[listener.l]\nlisten = 2\ndeny = []\n${TO_WEB}\n`;
    const { listeners, listenerDefaults } = settingsOf(text);
    const limits = [...listeners].map(([name, { clientConnections, deny }]) => [name, clientConnections, deny.length]);
    assert.deepEqual(limits, [
      ["web", 6, 1],
      ["db", 5, 1],
      ["l", 5, 0],
    ]);
    assert.equal(listenerDefaults.clientConnections, 5);
  });
  test("routes have names in lower case, and decrypt where the listener has TLS", () => {
    const routes =
      'routes = [{ name = "A.Example.", tls = "pass", pool = "web" }, { alpn = ["h2", "x"], pool = "web" }]';
    assert.deepEqual(listener(withListener(`${TLS}\n${routes}`)).routes, [
      { pool: "web", names: ["a.example"], alpn: [], tls: "pass" },
      { pool: "web", names: [], alpn: ["h2", "x"], tls: "terminate" },
    ]);
    assert.equal(listener(withListener(TO_WEB)).routes[0]!.tls, "pass");
  });
  test("TLS as a table and as a text are the same, with several certificates", () => {
    const paths = JSON.stringify([cert, cert]);
    const table = `tls = { cert = ${paths}, key = ${JSON.stringify([key, key])}, client-ca = ${JSON.stringify(ca)}, alpn = ["h2", "http/1.1"], min = "1.3" }`;
    const words = `tls = '''cert="${cert}" key="${key}" cert="${cert}" key="${key}" client-ca="${ca}" alpn=h2,http/1.1 min=1.3'''`;
    const { tls } = listener(withListener(`${table}\n${TO_WEB}`));
    assert.deepEqual(tls, listener(withListener(`${words}\n${TO_WEB}`)).tls);
    assert.ok(tls !== "off");
    assert.deepEqual(
      [tls.certificates.length, tls.client, tls.min, tls.alpn],
      [2, "require", "1.3", ["h2", "http/1.1"]],
    );
  });
  test("OCSP responses belong to the first certificates, in their order, in both forms", () => {
    const [first, second, ocsp] = [{ cert, key }, { cert: exactFiles.cert, key: exactFiles.key }, ocspFile("server")];
    const [certs, keys] = [JSON.stringify([first.cert, second.cert]), JSON.stringify([first.key, second.key])];
    const table = `tls = { cert = ${certs}, key = ${keys}, ocsp = ${JSON.stringify(ocsp)} }`;
    const words = `tls = '''cert="${first.cert}" key="${first.key}" cert="${second.cert}" key="${second.key}" ocsp="${ocsp}"'''`;
    for (const form of [table, words]) {
      const { tls } = listener(withListener(`${form}\n${TO_WEB}`));
      assert.ok(tls !== "off");
      assert.deepEqual(tls.certificates, [{ ...first, ocsp }, second]);
      assert.deepEqual(listenerTlsKind.parse(listenerTlsKind.format(tls)), { value: tls });
    }
  });
});

describe("faults of what is asked of clients", () => {
  const faults: Record<string, readonly [string, readonly RegExp[]]> = {
    "a network that is none": [
      withListener(`deny = ["10.0.0.0/8", "10.0.0.0/33"]\n${TO_WEB}`),
      [/^b\.toml:5:23: deny "10\.0\.0\.0\/33": give networks/],
    ],
    "routes to no pool, without a certificate, and that nobody reaches": [
      withListener('routes = [{ name = "a.b", pool = "wub" }, { pool = "web", tls = "terminate" }, { pool = "web" }]'),
      [
        /^b\.toml:5:34: there is no pool "wub"; did you mean web\?$/,
        /^b\.toml:5:52: tls = "terminate": this listener has no certificate/,
        /^b\.toml:5:89: no client comes to this route/,
      ],
    ],
    "a name that no client asks for": [
      withListener('routes = [{ name = ["192.0.2.1", "a.*.b", "\u212a.b"], pool = "web" }]'),
      [
        /^b\.toml:5:21: name "192\.0\.2\.1": give names/,
        /^b\.toml:5:34: name "a\.\*\.b": give names/,
        /^b\.toml:5:43: name "\u212a\.b": give names/,
      ],
    ],
    "a certificate without its key, and files that are not there": [
      withListener(`tls = { cert = ["/nowhere", "/none"], key = "/nothing" }\n${TO_WEB}`),
      [/^b\.toml:5:7: tls ".*": it has 2 certificates and 1 key: give/],
    ],
    "a key that is another certificate's, and files that are not there": [
      withListener(`tls = { cert = "/nowhere", key = ${JSON.stringify(key)}, client-ca = "/none" }\n${TO_WEB}`),
      [/^b\.toml:5:7: tls: cert=\/nowhere: the file cannot be read/, /^b\.toml:5:7: tls: client-ca=\/none: the file/],
    ],
    "more OCSP responses than certificates": [
      withListener(`${TLS.replace(" }", ', ocsp = ["/a", "/b"] }')}\n${TO_WEB}`),
      [/^b\.toml:5:7: tls ".*": it has 1 certificate and 2 OCSP responses: give one for each at most/],
    ],
    "an OCSP response that is not there": [
      withListener(`${TLS.replace(" }", ', ocsp = "/nowhere" }')}\n${TO_WEB}`),
      [/^b\.toml:5:7: tls: ocsp=\/nowhere: the file cannot be read: ENOENT/],
    ],
    "another certificate's OCSP response": [
      withListener(`${TLS.replace(" }", `, ocsp = ${JSON.stringify(ocspFile("exact"))} }`)}\n${TO_WEB}`),
      [/^b\.toml:5:7: tls: ocsp=.*: the file holds an OCSP response for another certificate/],
    ],
    "clients' sockets that the runtime has": [
      withListener(`${TLS}\nclient-dscp = 46\nclient-keepalive = "count=5"\nclient-nodelay = true\n${TO_WEB}`),
      [
        /^b\.toml:7:20: client-keepalive: clients of listener l speak TLS, and this cannot be set/,
        /^b\.toml:6:15: client-dscp: clients of listener l speak TLS, and this cannot be set/,
      ],
    ],
    "clients' sockets that the runtime has, by a default of all listeners": [
      withListener(`${TLS}\n${TO_WEB}`, 'defer-accept = "5s"\n'),
      [/^b\.toml:1:16: defer-accept: clients of listener l speak TLS, and this cannot be set/],
    ],
    "targets' sockets that the runtime has": [
      'target-dscp = 8\n[pool.web]\nlisten = 1\ntarget-tls = true\nsource = ["127.0.0.2"]\n[pool.db]\nlisten = 2\n',
      [
        /^b\.toml:5:10: source: targets of pool web speak TLS, and this cannot be set/,
        /^b\.toml:1:15: target-dscp: targets of pool web speak TLS, and this cannot be set/,
      ],
    ],
    "options of listeners in a pool that has none of its own": [
      '[pool.web]\nallow = "10.0.0.1"\n[listener.l]\nlisten = 2\nroutes = [{ pool = "web" }]\n',
      [/^b\.toml:2:9: allow: pool web has no listen of its own: give this to the listener/],
    ],
    "texts in a header that has no room for them": [
      'send-proxy-tlvs = ["ssl"]\nsend-proxy = "v1"\n',
      [/^b\.toml:1:19: send-proxy-tlvs: send-proxy is v1 in pool default/],
    ],
    "texts of one's own that no header has room for": [
      `send-proxy = "v2"\nsend-proxy-tlvs = [${Array(9).fill(`"0xE0=${"x".repeat(250)}"`)}]\n`,
      [/^b\.toml:2:19: send-proxy-tlvs: the texts of pool default's own take 2277 bytes, and 2048 are the most/],
    ],
    "TLS to targets that contradicts itself": [
      'target-tls = { cert = "/me" }\n[pool.web]\nlisten = 1\ntarget-tls = "ca=/x verify=off"\n',
      [/^b\.toml:1:14: target-tls ".*": cert= and key= belong together/, /ca= is of no use with verify=off/],
    ],
  };
  for (const [name, [text, expected]] of Object.entries(faults)) {
    test(name, () => {
      const found = problemsOf(text);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [index, each] of expected.entries()) assert.match(found[index]!, each);
    });
  }
  test("a line of a list, by its file and number, once for all listeners that have it", () => {
    const { folder } = completed({ "b.toml": "", "list.txt": "10.0.0.0/8 # ours\n\n10.0.0.300\n" });
    const list = `deny = "@${folder}/list.txt"\n`;
    const found = problemsOf(withListener(TO_WEB, list)).map((each) => each.replaceAll(`${folder}/`, ""));
    assert.deepEqual(found, [
      'b.toml:1:8: deny: list.txt:3: "10.0.0.300" is no address, nor a network such as 10.0.0.0/8 or 2001:db8::/32',
    ]);
  });
});

describe("steps", () => {
  function steps(before: string, after: string): string[] {
    return difference(settingsOf(before), settingsOf(after)).map(stepText);
  }
  test("say what changes for clients of which listener", () => {
    assert.deepEqual(
      steps(
        withListener(`accept-proxy = "10.0.0.1"\n${TO_WEB}`),
        withListener(`refuse = "tarpit"\nclient-rate = "5/s"\n${TO_WEB}`),
      ),
      ["listener 2: accept-proxy 10.0.0.1 → none, client-rate off → 5/s, refuse reset → tarpit"],
    );
  });
  test("a long list is counted, and told where it has other entries as well", () => {
    const list = (first: number) =>
      withListener(`deny = [${Array.from({ length: 20 }, (_, n) => `"10.0.0.${first + n}"`).join(", ")}]\n${TO_WEB}`);
    assert.deepEqual(steps(list(1), list(2)), ["listener 2: deny changed"]);
  });
  test("routes by names are told as they are written; another pool for all is a move", () => {
    const db = "[pool.db]\nlisten = 3\n";
    const [plain, other] = [withListener(TO_WEB, db), withListener('routes = [{ pool = "db" }]', db)];
    const named = withListener('routes = [{ name = "a.b", pool = "db" }, { pool = "web" }]', db);
    assert.deepEqual(steps(plain, other), ["listener 2: moved from pool web to pool db"]);
    assert.deepEqual(steps(plain, named), [
      'listener 2: routes { pool = "web" } → { name = "a.b", pool = "db" }, { pool = "web" }',
    ]);
  });
  test("of the top change what reporters bring as well", () => {
    const one = "[pool.web]\nlisten = 1\n";
    assert.deepEqual(steps(one, `allow = "10.0.0.1"\n${one}`), [
      "pools that reporters bring: allow none → 10.0.0.1",
      "listener 1: allow none → 10.0.0.1",
    ]);
  });
});
