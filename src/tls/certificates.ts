/** The files that TLS wants: read, and judged, so that a mistake shows before anything depends on them. What is renewed is judged as what was there at first. */
import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { NetError } from "../net/net-error.ts";
import { messageOf } from "../util/errors.ts";
import { readSecretFile, UnsafeFile } from "../util/secret-file.ts";
import { isStream } from "../util/streams.ts";
import { readOcspResponse } from "./ocsp-response.ts";
import type { LoadedCertificate, LoadedListenerTls, LoadedTargetTls } from "./orders.ts";
import type { CertificateFiles, ListenerTls, TargetTls } from "./settings.ts";

/** Node's and BoringSSL's: a name, a key for encryption and one for authentication. */
const TICKET_KEY_BYTES = 48;

/** Throws NetError ETLS, with the file's name and what is wrong with it. */
export function readListenerTls(tls: ListenerTls): LoadedListenerTls {
  const { alpn, certificates, client, clientCa, handshake, min, tickets } = tls;
  if (certificates.length === 0) throw new NetError("ETLS", "a listener with TLS needs a certificate and its key");
  if (client !== "none" && clientCa === null) {
    throw new NetError("ETLS", "client certificates are judged by those who sign them: name their file (client-ca)");
  }
  return {
    certificates: certificates.map(readCertificate),
    clientCa: client === "none" || clientCa === null ? null : readAuthorities(clientCa),
    requireClient: client === "require",
    min,
    alpn,
    ticketKeys: tickets ? newTicketKeys() : null,
    handshake,
  };
}

/** Throws NetError ETLS, with the file's name and what is wrong with it. */
export function readTargetTls(tls: TargetTls, keepalive: number): LoadedTargetTls {
  const { alpn, ca, certificate, name, verify } = tls;
  return {
    ca: ca === null ? null : readAuthorities(ca),
    verify,
    name,
    certificate: certificate === null ? null : readCertificate(certificate),
    alpn,
    keepalive,
  };
}

/** The files that belong to it, for whoever watches them. */
export function filesOf(tls: Pick<ListenerTls, "certificates" | "clientCa">): string[] {
  const files = tls.certificates.flatMap(({ cert, key, ocsp }) =>
    ocsp === undefined ? [cert, key] : [cert, key, ocsp],
  );
  return tls.clientCa === null ? files : [...files, tls.clientCa];
}

export function newTicketKeys(): Uint8Array {
  return new Uint8Array(randomBytes(TICKET_KEY_BYTES));
}

function readCertificate(files: CertificateFiles): LoadedCertificate {
  const cert = read(files.cert);
  const key = attempted(files.key, () => readSecretFile(files.key).text);
  const certificate = judged(files.cert, () => new X509Certificate(cert), "holds no certificate in PEM");
  const belongs = judged(
    files.key,
    () => certificate.checkPrivateKey(createPrivateKey(key)),
    "holds no private key in PEM that can be used without a passphrase",
  );
  if (!belongs)
    throw new NetError("ETLS", `the key in ${files.key} does not belong to the certificate in ${files.cert}`);
  const { ocsp } = files;
  const response = ocsp === undefined ? null : attempted(ocsp, () => readOcspResponse(ocsp, cert));
  const notAfter = Date.parse(certificate.validTo);
  return { file: files.cert, cert, key, ocsp: response, names: namesOf(certificate), notAfter };
}

function readAuthorities(file: string): string {
  const pem = read(file);
  judged(file, () => new X509Certificate(pem), "holds no certificate in PEM");
  return pem;
}

/** The DNS names that it is for; the common name where it has no others. */
function namesOf({ subject, subjectAltName }: X509Certificate): string[] {
  const alternative = [...(subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name]) => name!);
  const common = /(?:^|\n)CN=([^\n]+)/.exec(subject ?? "")?.[1];
  const names = alternative.length > 0 || common === undefined ? alternative : [common];
  return names.map((name) => name.toLowerCase());
}

function read(file: string): string {
  return attempted(file, () => {
    if (isStream(file)) throw new UnsafeFile("is not a regular file");
    return readFileSync(file, "utf8");
  });
}

function attempted<T>(file: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const problem = error instanceof UnsafeFile ? error.message : `cannot be read: ${messageOf(error)}`;
    throw new NetError("ETLS", `${file} ${problem}`, error);
  }
}

function judged<T>(file: string, look: () => T, problem: string): T {
  try {
    return look();
  } catch (error) {
    throw new NetError("ETLS", `${file} ${problem}`, error);
  }
}
