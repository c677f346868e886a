/** The files that listeners and pools name: lists of addresses, certificates, keys. What is wrong with them is found before anything depends on them. */
import type { ListenerTls, TargetTls } from "../../tls/settings.ts";
import { type AddressEntry, addressList } from "../access-kinds.ts";
import { readAddresses } from "../address-lists.ts";
import { readResponse, readSecret, readText } from "../files.ts";
import type { ListenerTerms } from "../listener-options.ts";
import { spell } from "../names.ts";
import type { Place } from "../option.ts";
import { checkAuthorities, checkCertificate } from "../pem.ts";
import type { PoolValues } from "../pool-options.ts";
import { type Chosen, type Given, whereOf } from "../values.ts";
import { isInGivenText } from "./read-document.ts";

const LISTS = ["acceptProxy", "allow", "deny"] as const satisfies readonly (keyof ListenerTerms)[];

export class FileCheck {
  readonly #place: Place;
  readonly #problems: string[];
  /** What is said at one place is for many, where it is a default. */
  readonly #checked = new Set<string>();

  constructor(place: Place, problems: string[]) {
    this.#place = place;
    this.#problems = problems;
  }

  listener({ values, given }: Chosen<ListenerTerms>): void {
    for (const name of LISTS) this.#list(name, values[name], given.get(name));
    const { tls } = values;
    if (tls !== "off") this.#once("tls", given.get("tls"), (option) => this.#listenerTls(tls, option));
  }

  pool({ values: { targetTls }, given }: Chosen<Pick<PoolValues, "targetTls">>): void {
    if (targetTls === "off") return;
    this.#once("targetTls", given.get("targetTls"), (option) => this.#targetTls(targetTls, option));
  }

  /** A line that is wrong is shown: whoever may only act on the balancer is to read no files of it by that. */
  #list(name: (typeof LISTS)[number], entries: readonly AddressEntry[], given: Given | undefined): void {
    if (!entries.some((entry) => "file" in entry)) return;
    this.#once(`${name} ${addressList.format(entries)}`, given, () => {
      const option = this.#option(name, given);
      if (given === undefined || !isInGivenText(given)) readAddresses(entries, option, this.#problems);
      else
        this.#problems.push(
          `${option}: a document that is given as a text names no file: give the networks themselves`,
        );
    });
  }

  #listenerTls({ certificates, clientCa }: ListenerTls, option: string): void {
    for (const { cert, key, ocsp } of certificates) {
      const pem = this.#pair(cert, key, option);
      if (pem !== null && ocsp !== undefined) readResponse(ocsp, pem, `${option}: ocsp=${ocsp}`, this.#problems);
    }
    if (clientCa !== null) this.#authorities("client-ca", clientCa, option);
  }

  #targetTls({ ca, certificate }: TargetTls, option: string): void {
    if (certificate !== null) this.#pair(certificate.cert, certificate.key, option);
    if (ca !== null) this.#authorities("ca", ca, option);
  }

  /** The certificate; null: it cannot be used, and that was said. */
  #pair(cert: string, key: string, option: string): string | null {
    const before = this.#problems.length;
    const ofCert = `${option}: cert=${cert}`;
    const ofKey = `${option}: key=${key}`;
    const [pem, secret] = [readText(cert, ofCert, this.#problems), readSecret(key, ofKey, this.#problems)];
    if (pem === null || secret === null) return null;
    checkCertificate({ option: ofCert, pem, name: `cert=${cert}` }, { option: ofKey, pem: secret }, this.#problems);
    return this.#problems.length === before ? pem : null;
  }

  #authorities(word: string, path: string, option: string): void {
    const named = `${option}: ${word}=${path}`;
    const pem = readText(path, named, this.#problems);
    if (pem !== null) checkAuthorities({ option: named, pem }, this.#problems);
  }

  #once(name: string, given: Given | undefined, check: (option: string) => void): void {
    const key = `${name} ${given?.at ?? ""} ${given?.from ?? ""} ${given?.text ?? ""}`;
    if (this.#checked.has(key)) return;
    this.#checked.add(key);
    check(this.#option(name, given));
  }

  #option(name: string, given: Given | undefined): string {
    return whereOf(given) + (given?.from ?? spell(name, this.#place));
  }
}
