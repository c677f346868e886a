/** docs/nginx-stream-tests.md names tests that there are. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { root } from "../../scripts/runtimes.ts";

const CHECKLIST = "docs/nginx-stream-tests.md";
/** Assertions of nginx's files, by file, as its own plans count them. */
const PLANS = {
  "stream_access.t": 18,
  "stream_limit_conn.t": 8,
  "stream_limit_rate.t": 9,
  "stream_proxy.t": 5,
  "stream_proxy_half_close.t": 2,
  "stream_proxy_next_upstream.t": 5,
  "stream_proxy_protocol.t": 2,
  "stream_proxy_protocol2_tlv.t": 14,
  "stream_realip.t": 8,
  "stream_upstream.t": 6,
  "stream_upstream_hash.t": 4,
  "stream_upstream_least_conn.t": 2,
  "stream_upstream_random.t": 12,
  "stream_upstream_max_conns.t": 14,
  "stream_ssl_preread.t": 13,
  "stream_ssl_preread_alpn.t": 5,
  "stream_ssl_preread_protocol.t": 7,
  "stream_unix.t": 2,
  "stream_tcp_nodelay.t": 2,
};

interface Row {
  readonly file: string;
  readonly assertion: string;
  readonly answer: string;
  /** A link to the test's file, and mostly its name. */
  readonly shown: string;
}

function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let file = "";
  for (const line of text.split("\n")) {
    file = /^## (\S+)/.exec(line)?.[1] ?? file;
    const cells = /^\| ([^|]+) \| ([^|]+) \| ([^|]*?) ?\|$/.exec(line);
    if (cells === null || cells[1] === "Assertion" || cells[1]!.startsWith("---")) continue;
    rows.push({ file, assertion: cells[1]!, answer: cells[2]!, shown: cells[3]! });
  }
  return rows;
}

const rows = rowsOf(readFileSync(join(root, CHECKLIST), "utf8"));

describe(CHECKLIST, () => {
  it("has every assertion, once", () => {
    const counts = Object.fromEntries(Object.keys(PLANS).map((file) => [file, 0])) as Record<string, number>;
    for (const { file } of rows) counts[file] = (counts[file] ?? 0) + 1;
    assert.deepEqual(counts, PLANS);
    const names = rows.map(({ file, assertion }) => `${file} ${assertion}`);
    assert.equal(new Set(names).size, names.length);
  });

  it("shows each answer by a test that there is, or says no", () => {
    for (const { file, assertion, answer, shown } of rows) {
      const where = `${file}: ${assertion}`;
      const link = /^\[[^\]]+\]\(\.\.\/(test\/[^)]+)\)(?:: (.+))?$/.exec(shown);
      if (link === null) {
        assert.equal(shown, "", where);
        assert.match(answer, /^no\b/, where);
        continue;
      }
      const [, path, name] = link;
      const tests = readFileSync(join(root, path!), "utf8");
      if (name !== undefined)
        assert.ok(/it\(|test\(/.test(tests) && tests.includes(name), `${where}: ${path}: ${name}`);
    }
  });
});
