/** A certificate of the admin port or of the API, whose files are looked at while the balancer runs: most are renewed every few weeks. */
import { HarmonyError, messageOf } from "../util/errors.ts";
import { signatureOf } from "../util/file-signature.ts";
import { readSecret, readText } from "./files.ts";
import { checkCertificate } from "./pem.ts";

/** PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export class CertificateFiles {
  readonly #paths: Certificate;
  /** The options that name them. */
  readonly #options: Certificate;
  #current: Certificate;
  /** The state of both files at the last look, and the one that was judged last. */
  #seen = "";
  #judged = "";
  /** The state in which they could not be read, which has been told. */
  #told = "";

  /** `current`: what was read from the files when the options were. */
  constructor(of: "admin" | "api", paths: Certificate, current: Certificate) {
    this.#options = { cert: `${of}-tls-cert`, key: `${of}-tls-key` };
    this.#paths = paths;
    this.#current = current;
  }

  /**
   * To be called at intervals: the new pair, once the files differ from what is in use and have not changed since the call
   * before (they are two, and are not written at once), otherwise null. Throws `BAD_CERTIFICATE`, once for each change, where
   * they cannot be used; the former pair then stays.
   */
  renewed(): Certificate | null {
    const now = this.#signature();
    const isAtRest = now === this.#seen;
    this.#seen = now;
    if (!isAtRest || now === this.#judged) return null;
    const problems: string[] = [];
    const cert = readText(this.#paths.cert, this.#options.cert, problems);
    const key = readSecret(this.#paths.key, this.#options.key, problems);
    if (cert === null || key === null) return this.#unread(now, problems);
    this.#judged = now;
    return this.#judge({ cert, key }, problems);
  }

  /** They are looked at again though they do not change: what keeps them from being read may pass. */
  #unread(state: string, problems: readonly string[]): null {
    if (state === this.#told) return null;
    this.#told = state;
    throw unusable(problems);
  }

  #judge(pair: Certificate, problems: string[]): Certificate | null {
    const { cert, key } = this.#options;
    checkCertificate({ option: cert, pem: pair.cert }, { option: key, pem: pair.key }, problems);
    if (problems.length > 0) throw unusable(problems);
    if (pair.cert === this.#current.cert && pair.key === this.#current.key) return null;
    this.#current = pair;
    return pair;
  }

  #signature(): string {
    try {
      return `${signatureOf(this.#paths.cert)} ${signatureOf(this.#paths.key)}`;
    } catch (error) {
      return messageOf(error);
    }
  }
}

function unusable(problems: readonly string[]): HarmonyError {
  const message = `the renewed certificate cannot be used (${problems.join("; ")}); the one read before stays in use`;
  return new HarmonyError("BAD_CERTIFICATE", message, { fault: "config", retry: true });
}
