/** The other side has not proved what it should, or has sent what no such side sends. It says nothing of which secret was wrong. */
export class NoiseError extends Error {
  override readonly name = "NoiseError";

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
