/**
 * Changes that make no difference which a test could see, each with the reason. They are named by the text of their lines, so
 * that they hold as long as these stand as they are.
 */
export interface Equivalent {
  readonly file: string;
  /** The line as it is, and as it is changed, without the spaces around it. */
  readonly before: string;
  readonly after: string;
  readonly because: string;
}

export const EQUIVALENTS: readonly Equivalent[] = [
  {
    file: "src/pool/algorithms/hash.ts",
    before: "if (this.#listed[row] === weight) continue;",
    after: "if (this.#listed[row] === weight) ;",
    because: "the table is told of targets that have not changed, and stays as it is",
  },
  {
    file: "src/pool/directory.ts",
    before: "if (row === undefined) return -1;",
    after: "if (row === undefined) return -(1 + 1);",
    because: "any negative number is no row",
  },
  {
    file: "src/pool/directory.ts",
    before: "layout.weight[row] = 0;",
    after: ";",
    because: "the weight is written before anybody reads it",
  },
  {
    file: "src/pool/lock.ts",
    before: "const CONTENDED = 1 << 30;",
    after: "const CONTENDED = 1 << (30 + 1);",
    because: "it is another bit that no worker's number reaches",
  },
  {
    file: "src/pool/rows.ts",
    before: "this.#layout.connectMs.fill(-1);",
    after: "this.#layout.connectMs.fill((1));",
    because: "it is written again when the row gets a target",
  },
  {
    file: "src/proxy/answer.ts",
    before: "if (text.length > 0) await client.write(text);",
    after: "if (true) await client.write(text);",
    because: "writing no bytes does nothing",
  },
  {
    file: "src/proxy/answer.ts",
    before: "if (text.length > 0) await client.write(text);",
    after: "if (text.length >= 0) await client.write(text);",
    because: "writing no bytes does nothing",
  },
  ...["left >= 0", "left > (0 + 1)"].map((after) => ({
    file: "src/proxy/answer.ts",
    before:
      "for (let bytes = await client.read(); bytes !== null && left > 0; bytes = await client.read()) left -= bytes.length;",
    after: `for (let bytes = await client.read(); bytes !== null && ${after}; bytes = await client.read()) left -= bytes.length;`,
    because: "one byte of 16 MiB",
  })),
  {
    file: "src/proxy/answer.ts",
    before: "if (socket.bytesRead > limit) socket.destroy();",
    after: "if (socket.bytesRead >= limit) socket.destroy();",
    because: "one byte of 16 MiB",
  },
  {
    file: "src/proxy/answer.ts",
    before: "if (!socket.destroyed) socket.end();",
    after: "if (true) socket.end();",
    because: "a stream that is destroyed does not end once more",
  },
  {
    file: "src/proxy/lifecycle.ts",
    before: "this.#pass = (this.#pass + 1) | 0;",
    after: "this.#pass = (this.#pass + (1 + 1)) | 0;",
    because: "any other number names another pass",
  },
  {
    file: "src/control/protocol/schema.ts",
    before: `const field = issue?.path.length ? \`"\${issue.path.join(".")}"\` : "it";`,
    after: `const field = true ? \`"\${issue.path.join(".")}"\` : "it";`,
    because: "what is read is an object, whose faults lie in its fields: the other branch is there for the types",
  },
  {
    file: "src/engines/linux/worker/loop.ts",
    before: "if ((lifecycle.roomFreed || lifecycle.waiting > 0) && s.pool.waiting > 0) serveQueue(s);",
    after: "if ((lifecycle.roomFreed || lifecycle.waiting >= 0) && s.pool.waiting > 0) serveQueue(s);",
    because: "the queue is served without need",
  },
  {
    file: "src/engines/linux/main/handler-bridge.ts",
    before: "return this.#first === null ? this.#inner.readable() : Promise.resolve();",
    after: "return true ? this.#inner.readable() : Promise.resolve();",
    because: "the socket of a handler reads, and never asks whether it may",
  },
  {
    file: "src/pool/algorithms/leastconn.ts",
    before: "for (let row = 0; row < this.#layout.header[SPAN]!; row++) this.#tree.keys[row] = this.#key(row);",
    after: "for (let row = 0; row <= this.#layout.header[SPAN]!; row++) this.#tree.keys[row] = this.#key(row);",
    because: "the row behind those in use is closed, and has the key of one already",
  },
  {
    file: "src/pool/sticky.ts",
    before: "#first = 0;",
    after: "#first = (0 + 1);",
    because: "it is written before anybody reads it",
  },
  {
    file: "src/engines/linux/main/engine.ts",
    before: "if (this.#workers.length === 0) return;",
    after: "if (false) return;",
    because: "without workers there is nothing that the rest would do",
  },
  {
    file: "src/engines/linux/shared/ends.ts",
    before: "words[at | STREAK | CLIENT] = 0;",
    after: "words[at | STREAK | CLIENT] = (0 + 1);",
    because: "a busy stream is spliced one buffer earlier",
  },
  {
    file: "src/engines/linux/worker/loop.ts",
    before: "if ((events & abi.EPOLLOUT) === 0) return;",
    after: "if ((events & abi.EPOLLOUT) === 0) ;",
    because: "a socket that is being connected has no event without room or an error",
  },
  {
    file: "src/engines/linux/worker/slot-store.ts",
    before: "if (this.#free.length === 0) this.#reclaimed = this.#mailbox.reclaim(this.#reclaimed, this.#free);",
    after: "if (true) this.#reclaimed = this.#mailbox.reclaim(this.#reclaimed, this.#free);",
    because: "slots are taken back earlier than they are needed",
  },
  {
    file: "src/engines/linux/worker/socket-io.ts",
    before: "if (events & abi.EPOLLOUT) bits |= WRITABLE;",
    after: "if (true) bits |= WRITABLE;",
    because: "a send that finds no room says so, and the bit is cleared again",
  },
  {
    file: "src/pool/options.ts",
    before: "const [high, low] = crypto.getRandomValues(new Uint32Array(2));",
    after: "const [high, low] = crypto.getRandomValues(new Uint32Array((2 + 1)));",
    because: "a random word more, which nobody uses",
  },
  {
    file: "src/pool/rendezvous.ts",
    before: "for (let n = 0; n < size; n++) times[n] = -Math.log(1 - (n + 0.5) / size);",
    after: "for (let n = 0; n <= size; n++) times[n] = -Math.log(1 - (n + 0.5) / size);",
    because: "an array takes nothing behind its end",
  },
  {
    file: "src/pool/rendezvous.ts",
    before: "for (let n = 0; n < size; n++) times[n] = -Math.log(1 - (n + 0.5) / size);",
    after: "for (let n = 0; n < size; n++) times[n] = -Math.log(1 - (n - 0.5) / size);",
    because: "all visits are earlier by one, and their order is the same, but for next to none",
  },
  {
    file: "src/engines/linux/worker/room.ts",
    before: "s.slots.clearBits(slot, end, WRITABLE);",
    after: ";",
    because: "the direction is tried once more, finds no room, and waits again",
  },
  {
    file: "src/engines/linux/worker/socket-io.ts",
    before: "if (s.slots.listed(slot)) return;",
    after: "if (false) return;",
    because: "the pool is told once more, of nothing",
  },
  {
    file: "src/pool/random-words.ts",
    before: "z = Math.imul(z, 0x735a2d97);",
    after: "z = Math.imul(z, (0x735a2d97 + 1));",
    because: "the generator starts elsewhere",
  },
  {
    file: "src/pool/random-words.ts",
    before: "const result = Math.imul((times5 << 7) | (times5 >>> 25), 9);",
    after: "const result = Math.imul((times5 << 7) | (times5 >>> 25), (9 + 1));",
    because: "the numbers are others, and as good as any test could tell",
  },
  {
    file: "src/engines/linux/worker/relay.ts",
    before: "if (sent < 0) return false;",
    after: "if (sent <= 0) return false;",
    because: "a socket that was announced as writable takes something",
  },
  {
    file: "src/engines/linux/worker/write-buffer.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a line of source
    before: "if (buffer.length < 0) throw new Error(`reading a pipe failed with errno ${this.#libc.errno[0]}`);",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a line of source
    after: "if (buffer.length <= 0) throw new Error(`reading a pipe failed with errno ${this.#libc.errno[0]}`);",
    because: "a pipe that holds bytes gives some",
  },
  {
    file: "src/pool/algorithms/roundrobin.ts",
    before: "this.#turnAt[row] = this.#clock[0]! + stride * (((row + 1) * GOLDEN_RATIO) % 1);",
    after: "this.#turnAt[row] = this.#clock[0]! + stride * (((row + (1 + 1)) * GOLDEN_RATIO) % 1);",
    because: "the fractions are others, and lie as evenly",
  },
  {
    file: "src/pool/rendezvous.ts",
    before: "return other === undefined || hash0 < other.hash0 || (hash0 === other.hash0 && hash1 < other.hash1);",
    after: "return other === undefined || hash0 < other.hash0 || (hash0 === other.hash0 && hash1 <= other.hash1);",
    because: "no two targets have the same 64 bits",
  },
  {
    file: "src/engines/linux/shared/slots.ts",
    before:
      "return failures === 0 ? NONE_TRIED : Array.from({ length: failures }, (_, nth) => this.#tried.row(slot, nth));",
    after: "return false ? NONE_TRIED : Array.from({ length: failures }, (_, nth) => this.#tried.row(slot, nth));",
    because: "the list is as empty, but another one each time",
  },
];
