/** PEM texts judged before anything starts: a TLS library would say later, and without naming the option, what is wrong. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { messageOf } from "../util/errors.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** Certificates to trust. One that is usable will do: bundles hold odd ones. */
export function checkAuthorities(pem: string, option: string, problems: string[]): void {
  const found = certificates(pem);
  if (found.length === 0) return void problems.push(noCertificate(option));
  const tried = found.map((each) => read(() => new X509Certificate(each)));
  if (tried.every(({ value }) => value === null)) problems.push(badCertificate(option, tried[0]!.why));
}

/** A server's certificate, which others of its chain may follow, and its key. */
export function checkPair(cert: string, key: string, problems: string[]): void {
  const [leaf] = certificates(cert);
  if (leaf === undefined) problems.push(noCertificate("tls-cert"));
  const certificate = read(() => (leaf === undefined ? null : new X509Certificate(leaf)));
  if (certificate.why !== "") problems.push(badCertificate("tls-cert", certificate.why));
  const secret = read(() => createPrivateKey(key));
  if (secret.why !== "") {
    problems.push(`tls-key: the file holds no private key in PEM form without a passphrase (${secret.why})`);
  }
  if (certificate.value && secret.value && !certificate.value.checkPrivateKey(secret.value)) {
    problems.push("tls-key: this is not the key of the certificate that tls-cert names");
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

/** `why` is empty where there is no problem. */
function read<T>(parse: () => T): { value: T | null; why: string } {
  try {
    return { value: parse(), why: "" };
  } catch (error) {
    return { value: null, why: messageOf(error) || "it is none" };
  }
}
