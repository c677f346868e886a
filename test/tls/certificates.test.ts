/** The files of TLS, as they are read at the start and whenever they change. */
import { deepEqual, equal, match, throws } from "node:assert/strict";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LoadedListenerTls } from "../../src/tls/orders.ts";
import type { ListenerTls } from "../../src/tls/settings.ts";
import { WatchedCertificates } from "../../src/tls/watched-certificates.ts";
import { certificateFiles, renewedFiles } from "../support/certificates.ts";
import { ManualClock } from "../support/clock.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

test("a renewed key that others can read is not taken, as at the start, until its rights are mended", {
  skip: process.platform === "win32",
}, () => {
  const folder = temporaryFolder("renewed");
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  copyFileSync(certificateFiles.cert, cert);
  copyFileSync(certificateFiles.key, key);
  chmodSync(key, 0o600);
  const tls: ListenerTls = {
    certificates: [{ cert, key }],
    clientCa: null,
    client: "none",
    min: "1.2",
    alpn: [],
    tickets: false,
    handshake: 1_000,
  };
  const clock = new ManualClock();
  const taken: LoadedListenerTls[] = [];
  const problems: string[] = [];
  const watched = new WatchedCertificates({
    tls,
    clock,
    onChange: (loaded) => taken.push(loaded),
    onProblem: (problem) => problems.push(problem),
  });
  watched.start();
  copyFileSync(renewedFiles.cert, cert);
  copyFileSync(renewedFiles.key, key);
  chmodSync(key, 0o644);
  clock.advance(2_000);
  deepEqual(taken, []);
  equal(problems.length, 1);
  match(problems[0]!, /key\.pem is open to other users \(mode 644\): run chmod 600/);
  chmodSync(key, 0o600);
  clock.advance(2_000);
  equal(taken.length, 1);
  watched.close();
  chmodSync(key, 0o644);
  throws(
    () => new WatchedCertificates({ tls, clock, onChange: () => undefined, onProblem: () => undefined }),
    /open to other users/,
  );
});
