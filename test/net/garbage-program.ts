/** Makes garbage as a crowd of connections does, beside shared memory that nobody touches. Prints by how many MB the process has grown at most. */
import { runtime } from "#runtime";

const MB = 1024 * 1024;
const shared = new SharedArrayBuffer(200 * MB);
const before = process.memoryUsage.rss();
let most = before;
for (let turn = 0; turn < 100; turn++) {
  // 4 MB, more or less.
  Array.from({ length: 20_000 }, (_, n) => ({ n, text: `${turn} ${n}`, more: [n, turn] }));
  runtime.lookForGarbage?.(16 * MB);
  most = Math.max(most, process.memoryUsage.rss());
  await new Promise((resolve) => setTimeout(resolve, 10));
}
console.log(JSON.stringify({ grown: Math.round((most - before) / MB), shared: shared.byteLength / MB }));
