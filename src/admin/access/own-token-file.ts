/** The file of a token that the balancer has made for itself (token-files.ts): the token counts as long as the file is there. */
import { readKeyText } from "../../control/keys/key-file.ts";
import { badLine } from "../../control/keys/lines.ts";
import { MIN_TOKEN, type Right, type Token } from "../../control/keys/token.ts";
import { HarmonyError, isAbsence } from "../../util/errors.ts";
import { signatureOrFailure } from "../../util/file-signature.ts";
import type { Reader } from "../../util/secret-file.ts";

export class OwnTokenFile {
  readonly #path: string;
  readonly #right: Right;
  readonly #reader: Reader;
  #seen: string | null = null;
  #token: Token | null = null;

  constructor(path: string, right: Right, reader: Reader) {
    this.#path = path;
    this.#right = right;
    this.#reader = reader;
  }

  /** `onProblem`: the file has become one that cannot be used, and the token read before stays valid. */
  current(onProblem: (message: string) => void): Token | null {
    const seen = signatureOrFailure(this.#path);
    if (seen === this.#seen) return this.#token;
    this.#seen = seen;
    try {
      const { text } = readKeyText("token file", this.#path, this.#reader);
      this.#token = tokenOf(this.#right, text, this.#path);
    } catch (error) {
      if (isAbsence(error)) this.#token = null;
      else if (error instanceof HarmonyError) onProblem(error.message);
      else throw error;
    }
    return this.#token;
  }
}

function tokenOf(right: Right, text: string, path: string): Token {
  const secret = text.trim();
  if (secret.length >= MIN_TOKEN && !/\s/.test(secret)) return { name: right, right, pool: null, limits: {}, secret };
  const advice = `harmony-balancer key revoke ${right}, then key new ${right}, makes one`;
  throw badLine(path, `it holds no token of ${MIN_TOKEN} characters: ${advice}`);
}
