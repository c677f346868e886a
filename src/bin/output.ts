/**
 * Standard output and standard error that survive their reader. When it is gone (a pipe that was closed, a full disk) there
 * is nowhere left to say so, and no reason to stop serving.
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
