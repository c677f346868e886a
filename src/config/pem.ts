/** PEM texts, checked before anything starts: a TLS library would fail later, and without naming the option. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { messageOf } from "../util/errors.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** The content of the file that an option names. */
interface PemFile {
  readonly option: string;
  readonly pem: string;
  /** What messages about another file call it; as `option` unless given. */
  readonly name?: string;
}

/** Certificates to trust. One usable certificate is enough: bundles contain odd ones. */
export function checkAuthorities({ option, pem }: PemFile, problems: string[]): void {
  const found = certificates(pem);
  if (found.length === 0) return void problems.push(noCertificate(option));
  const tried = found.map((each) => attempt(() => new X509Certificate(each)));
  if (tried.every(({ value }) => value === null)) problems.push(badCertificate(option, tried[0]!.why));
}

/** A server's certificate, which the rest of its chain may follow, and its key. */
export function checkCertificate(cert: PemFile, key: PemFile, problems: string[]): void {
  const [leaf] = certificates(cert.pem);
  if (leaf === undefined) problems.push(noCertificate(cert.option));
  const certificate = attempt(() => (leaf === undefined ? null : new X509Certificate(leaf)));
  if (certificate.why !== "") problems.push(badCertificate(cert.option, certificate.why));
  const secret = attempt(() => createPrivateKey(key.pem));
  if (secret.why !== "") {
    problems.push(`${key.option}: the file holds no private key in PEM form without a passphrase (${secret.why})`);
  }
  if (certificate.value && secret.value && !certificate.value.checkPrivateKey(secret.value)) {
    problems.push(`${key.option}: this is not the key of the certificate that ${cert.name ?? cert.option} names`);
  }
}

function certificates(pem: string): readonly string[] {
  return pem.match(CERTIFICATE) ?? [];
}

function noCertificate(option: string): string {
  return `${option}: the file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`;
}

function badCertificate(option: string, why: string): string {
  return `${option}: the certificate in the file cannot be read (${why})`;
}

/** `why` is empty if there is no problem. */
function attempt<T>(parse: () => T): { value: T | null; why: string } {
  try {
    return { value: parse(), why: "" };
  } catch (error) {
    return { value: null, why: messageOf(error) || "no reason was given" };
  }
}
