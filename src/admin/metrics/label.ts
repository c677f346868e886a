/** `pool="web"`, with what is special in the value escaped. */
export function labelText(name: string, value: string): string {
  const escaped = /["\\\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;
  return `${name}="${escaped}"`;
}
