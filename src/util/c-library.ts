/** How the C library is found that the process already runs on. */

/**
 * Names under which dlopen finds it: glibc's, then musl's (whose loader takes any "libc.*" for itself, and has the third name on
 * disk). Opening a second C library would give a second errno, so glibc is first.
 */
export function libraryNames(arch: string): readonly string[] {
  return ["libc.so.6", "libc.so", `ld-musl-${arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];
}

/** Tries `open` with each name; throws the first failure when none can be opened. */
export function openFirst<T>(names: readonly string[], open: (name: string) => T): T {
  let first: unknown;
  for (const name of names) {
    try {
      return open(name);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}
