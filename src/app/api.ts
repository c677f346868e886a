/** Where the API comes to be, who may use it, and what becomes of a balancer that cannot have it there. */
import { runtime } from "#runtime";
import { GuessLimit } from "../admin/access/guess-limit.ts";
import type { Access } from "../admin/access/sign-in-app.ts";
import type { Answer } from "../admin/access/sites.ts";
import type { Tokens } from "../admin/access/tokens.ts";
import { ownSocketPlace } from "../admin/places.ts";
import { AdminServer, type ApiPlaces } from "../admin/server.ts";
import { type ApiPlace, type ApiPort, isPort } from "../config/api-kind.ts";
import { CertificateFiles } from "../config/certificate-files.ts";
import type { BalancerSettings } from "../config/settings.ts";
import { hostEnvironment } from "../control/keys/key-places.ts";
import { makeTokenFiles, tokenFile } from "../control/keys/token-files.ts";
import type { UnixListenAddress } from "../net/runtime.ts";
import { type Cancel, every, systemClock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import type { Trust } from "./invited.ts";

/** ms between looks at the files of the certificate, as for the admin port. */
const RENEWAL_MS = 1_000;

export interface ApiOptions {
  readonly settings: BalancerSettings;
  readonly trust: Trust;
  readonly tokens: Tokens;
  /** What is answered to whoever has been let in. */
  readonly answer: (access: Access) => Answer;
  /** Of each answer, its status. */
  readonly onAnswer: (status: number) => void;
  readonly warn: (message: string, cause?: unknown) => void;
}

export class Api {
  readonly #options: ApiOptions;
  readonly #server: AdminServer;
  #cancelLooks: Cancel = () => undefined;
  /** The file with a token that may do all, where there is one. */
  readonly tokenFile: string | null;

  /** Throws HarmonyError: a file of tokens cannot be used. */
  constructor(options: ApiOptions) {
    const { settings, tokens, answer, onAnswer, warn } = options;
    this.#options = options;
    this.tokenFile = settings.api.some(isPort) ? this.#makeTokens() : null;
    tokens.onWarning = (message) => warn(message);
    const guesses = new GuessLimit(systemClock);
    this.#server = new AdminServer({
      runtime,
      answer: answer({ tokens, guesses, places: () => this.places }),
      tokens,
      guesses,
      names: settings.apiHost,
      onAnswer,
      onFault: (error) => warn(`a fault in the API: ${messageOf(error)}`, error),
    });
  }

  get places(): ApiPlaces {
    return this.#server.places;
  }

  /** Rejects with NetError where it cannot be at a place that was asked for; nothing is open then. */
  async open(): Promise<void> {
    const { settings } = this.#options;
    try {
      for (const place of settings.api) await this.#openAt(place);
      for (const address of settings.metrics) await this.#server.listenForMetrics(address);
    } catch (error) {
      await this.close();
      throw error;
    }
    const { apiTls, apiTlsCert: cert, apiTlsKey: key } = settings;
    if (apiTls === null || cert === null || key === null) return;
    const files = new CertificateFiles("api", { cert, key }, apiTls);
    this.#cancelLooks = every(systemClock, RENEWAL_MS, () => this.#renew(files));
  }

  async close(): Promise<void> {
    this.#cancelLooks();
    await this.#server.close();
  }

  async #openAt(place: ApiPlace): Promise<void> {
    if (place === "off") return;
    if (isPort(place)) return this.#openPort(place);
    if (place !== "auto") return this.#server.listenAtSocket(place);
    const path = ownSocketPlace(this.#options.settings, hostEnvironment());
    if (path !== null) await this.#openSocket({ path, mode: null, owner: null, group: null });
  }

  /** At a place that nobody has named: the balancer goes on without, since it serves all the same. */
  async #openSocket(where: UnixListenAddress): Promise<void> {
    try {
      await this.#server.listenAtSocket(where);
    } catch (error) {
      const advice = "commands do not find this balancer until it is given a place of its own (--api unix:PATH)";
      this.#options.warn(`${messageOf(error)}; ${advice}`, error);
    }
  }

  async #openPort(place: ApiPort): Promise<void> {
    try {
      await this.#server.listenAtPort(place, this.#options.settings.apiTls);
    } catch (error) {
      if (!place.mayBeTaken) throw error;
      const advice = "this balancer has no dashboard until it is given a port of its own (--api auto --api HOST:PORT)";
      this.#options.warn(`${messageOf(error)}; ${advice}`, error);
    }
  }

  #makeTokens(): string | null {
    const { trust, warn } = this.#options;
    try {
      makeTokenFiles(trust.files);
      return tokenFile(trust.files, "act");
    } catch (error) {
      const advice = "at the ports of the API only tokens of the key file count (harmony-balancer key new)";
      warn(`no token could be made: ${messageOf(error)}; ${advice}`, error);
      return null;
    }
  }

  #renew(files: CertificateFiles): void {
    try {
      const certificate = files.renewed();
      if (certificate !== null) this.#server.renew(certificate);
    } catch (error) {
      this.#options.warn(messageOf(error), error);
    }
  }
}
