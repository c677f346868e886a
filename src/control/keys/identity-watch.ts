/** The balancer's identity, which the first invitation makes, and so may come while the balancer runs. */

import type { Reader } from "../../util/secret-file.ts";
import type { KeyPair } from "../protocol/x25519.ts";
import { parseIdentity } from "./identity.ts";
import { readKeyText } from "./key-file.ts";
import { WatchedFile } from "./watched-file.ts";

export class BalancerIdentity {
  readonly #file: WatchedFile<KeyPair | null>;
  /** Called when the changed file cannot be used. */
  onWarning: (message: string) => void = () => undefined;

  /** Throws where the file is there and cannot be used. */
  constructor(path: string, reader?: Reader) {
    const read = () => {
      const { text, signature } = readKeyText("identity file", path, reader);
      return { value: parseIdentity(text, path).keyPair, signature };
    };
    this.#file = new WatchedFile("identity file", path, read, null);
  }

  /** null: nobody has been invited yet. */
  get keyPair(): KeyPair | null {
    const news = this.#file.refresh();
    if (news && news.problem !== null) this.onWarning(`${news.problem}; the identity read before stays in use`);
    return this.#file.value;
  }
}
