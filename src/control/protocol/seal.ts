/** The lines after the handshake: each is sealed with the key of its direction, as the next one in turn. */
import { HarmonyError } from "../../util/errors.ts";
import { parseBase64 } from "./base64.ts";
import type { Transport } from "./noise.ts";
import { NoiseError } from "./noise-error.ts";
import { parseObject } from "./schema.ts";

export class Seal {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  seal(body: object): string {
    return this.#transport.send.seal(Buffer.from(JSON.stringify(body))).toString("base64");
  }

  /**
   * The body, a JSON object still to be validated. What it throws ends the session: `NOT_SEALED`, `BAD_SEAL` where the line was
   * changed, replayed, reordered, lost or made for another session, and `NOT_JSON`.
   */
  open(line: Uint8Array): object {
    const sealed = parseBase64(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString("latin1"));
    if (sealed === null) throw refused("NOT_SEALED", "a line is not sealed");
    let body: Uint8Array;
    try {
      body = this.#transport.receive.open(sealed);
    } catch (cause) {
      if (!(cause instanceof NoiseError)) throw cause;
      throw refused("BAD_SEAL", "a line was changed, lost or repeated on the way, or made for another session", cause);
    }
    return parseObject(body);
  }
}

function refused(code: string, message: string, cause?: unknown): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", cause });
}
