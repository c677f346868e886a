import assert from "node:assert/strict";
import { chmodSync, copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CertificateFiles } from "../../src/config/certificate-files.ts";
import { certificate, certificateFiles, renewed, renewedFiles } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("certificates");
after(removeFolders);

/** Windows has no file modes. */
const posix = process.platform !== "win32";

const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];

/** The server's certificate in files, which have been looked at. */
function inUse(): CertificateFiles {
  copyFileSync(certificateFiles.cert, cert);
  copyFileSync(certificateFiles.key, key);
  const files = new CertificateFiles("admin", { cert, key }, certificate);
  assert.deepEqual([files.renewed(), files.renewed()], [null, null]);
  return files;
}

/** Others may read the copy. */
function copyPublic(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, 0o644);
}

describe("the files of a certificate", () => {
  it("that have changed and come to rest give the new pair, once", () => {
    const files = inUse();
    copyFileSync(renewedFiles.cert, cert);
    assert.equal(files.renewed(), null, "the key may not have been written yet");
    copyFileSync(renewedFiles.key, key);
    assert.equal(files.renewed(), null);
    assert.deepEqual(files.renewed(), renewed);
    assert.equal(files.renewed(), null);
  });

  it("that hold what was in use before give that again", () => {
    const files = inUse();
    for (const [from, pair] of [
      [renewedFiles, renewed],
      [certificateFiles, certificate],
    ] as const) {
      copyFileSync(from.cert, cert);
      copyFileSync(from.key, key);
      assert.equal(files.renewed(), null, "they have only just been written");
      assert.deepEqual(files.renewed(), pair);
    }
  });

  it("that cannot be used are an error, once, and the next good pair is taken", () => {
    const files = inUse();
    for (const [spoil, why] of [
      [() => copyFileSync(renewedFiles.cert, cert), /admin-tls-key: this is not the key .*the one read before stays/],
      [() => writeFileSync(cert, "half a certific"), /admin-tls-cert: the file holds no certificate/],
      [() => rmSync(key), /admin-tls-key: .*ENOENT/],
      ...(posix
        ? [[() => copyPublic(renewedFiles.key, key), /admin-tls-key: the file is open to other users/] as const]
        : []),
    ] as const) {
      spoil();
      assert.equal(files.renewed(), null);
      assert.throws(() => files.renewed(), why);
      assert.equal(files.renewed(), null, "it is said once");
    }
    copyFileSync(renewedFiles.cert, cert);
    copyFileSync(renewedFiles.key, key);
    chmodSync(key, 0o600);
    files.renewed();
    assert.deepEqual(files.renewed(), renewed);
  });

  it("that could not be read are taken once they can, though they have not changed since", { skip: !posix }, () => {
    const files = inUse();
    copyFileSync(renewedFiles.cert, cert);
    copyFileSync(renewedFiles.key, key);
    chmodSync(folder, 0o777); // as with anything else for which they are not read, such as having no descriptor left
    assert.equal(files.renewed(), null);
    assert.throws(() => files.renewed(), /every user may replace it/);
    assert.equal(files.renewed(), null, "it is said once");
    chmodSync(folder, 0o700);
    assert.deepEqual(files.renewed(), renewed);
  });

  it("that were written again with what they held are no news", () => {
    const files = inUse();
    writeFileSync(cert, certificate.cert);
    assert.deepEqual([files.renewed(), files.renewed()], [null, null]);
  });
});
