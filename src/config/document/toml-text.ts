/** Values as TOML writes them. */

/** JSON's strings are TOML's, but for DEL. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}
