/**
 * Standard output and standard error outlive their reader. A write that fails (a closed pipe, a full disk) cannot be reported
 * anywhere, and is no reason to stop serving.
 */
const guarded = new WeakSet<NodeJS.WriteStream>();

export function write(stream: NodeJS.WriteStream, text: string): void {
  if (!guarded.has(stream)) {
    guarded.add(stream);
    stream.on("error", () => undefined); // Node tells of it here …
  }
  try {
    stream.write(text);
  } catch {
    // … Bun and Deno here.
  }
}
