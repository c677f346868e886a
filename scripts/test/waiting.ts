/** What the tests of this process wait for, told by the kit's waits (test/support/wait.ts): the cause of a test that hangs. */

const waits = new Set<{ readonly what: string }>();
let last = "";

/** Notes a wait; to be called when it has ended. */
export function noteWait(what: string): () => void {
  const wait = { what };
  waits.add(wait);
  return () => {
    waits.delete(wait);
    last = what;
  };
}

/** What is waited for now, as a part of a sentence. */
export function whatIsAwaited(): string {
  if (waits.size > 0) return `it waits for ${[...waits].map(({ what }) => what).join(", and for ")}`;
  const since = last === "" ? "" : `; its last wait was for ${last}`;
  return `it waits for something that is in no within() or until()${since}`;
}
