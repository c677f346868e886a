/** What goes over the wire, as the kernel counts it: both peers of the engine are sockets of this test's own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openLibc } from "#ffi";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import type { Libc, NativeMemory } from "../../../src/engines/linux/sys/libc.ts";
import { decodePeer, encodeLiteral } from "../../../src/engines/linux/sys/sockaddr.ts";
import { until } from "../../support/wait.ts";
import { thisHost } from "../host.ts";
import { inLab } from "../lab.ts";

const skip = (await linux.test({ listen: [] })) ?? false;

// linux/tcp.h: struct tcp_info, whose tcpi_segs_in counts every segment that came, SYN-ACK included.
const TCP_INFO = 11;
const SEGMENTS_IN = 140;

/** Sockets without a runtime. None of the calls blocks. */
class Sockets {
  readonly #libc: Libc;
  readonly #memory: NativeMemory;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#memory = libc.alloc(512);
  }

  /** Listens on a loopback port. */
  listen(): { fd: number; port: number } {
    const fd = this.#socket();
    const length = encodeLiteral("127.0.0.1", 0, this.#memory.bytes);
    assert.equal(this.#libc.bind(fd, this.#memory.at(0), length), 0);
    assert.equal(this.#libc.listen(fd, 1), 0);
    this.#memory.bytes[256] = abi.SOCKADDR_MAX;
    assert.equal(this.#libc.getsockname(fd, this.#memory.at(0), this.#memory.at(256)), 0);
    return { fd, port: decodePeer(this.#memory.bytes, new Uint32Array(4), 0) };
  }

  connect(port: number): number {
    const fd = this.#socket();
    const length = encodeLiteral("127.0.0.1", port, this.#memory.bytes);
    this.#libc.connect(fd, this.#memory.at(0), length);
    return fd;
  }

  async accept(listener: number): Promise<number> {
    let fd = -1;
    await until("a connection", () => {
      fd = this.#libc.accept4(listener, this.#libc.nil, this.#libc.nil, abi.SOCK_NONBLOCK);
      return fd >= 0;
    });
    return fd;
  }

  /** One packet with both. */
  sendAndFinish(fd: number, text: string): void {
    this.#memory.bytes.set(new TextEncoder().encode(text));
    assert.equal(this.#libc.send(fd, this.#memory.at(0), text.length, abi.MSG_MORE), text.length);
    assert.equal(this.#libc.shutdown(fd, abi.SHUT_WR), 0);
  }

  /** All that comes before FIN. */
  async receive(fd: number): Promise<string> {
    let text = "";
    await until("a FIN", () => {
      const received = this.#libc.recv(fd, this.#memory.at(0), 256, 0);
      if (received > 0) text += new TextDecoder().decode(this.#memory.bytes.subarray(0, received));
      return received === 0;
    });
    return text;
  }

  segmentsIn(fd: number): number {
    const info = new DataView(this.#memory.bytes.buffer, this.#memory.bytes.byteOffset);
    info.setInt32(256, SEGMENTS_IN + 4, true);
    assert.equal(this.#libc.getsockopt(fd, abi.IPPROTO_TCP, TCP_INFO, this.#memory.at(0), this.#memory.at(256)), 0);
    return info.getUint32(SEGMENTS_IN, true);
  }

  close(...fds: number[]): void {
    for (const fd of fds) this.#libc.close(fd);
  }

  #socket(): number {
    return this.#libc.socket(abi.AF_INET, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
  }
}

describe("linux engine, packets", () => {
  it("sends an answer that ends at once in one packet with its FIN", { skip }, () =>
    inLab(thisHost(linux), { threads: 1 }, async (lab) => {
      const sockets = new Sockets(openLibc()!);
      const listener = sockets.listen();
      lab.announce("t", { host: "127.0.0.1", port: listener.port });
      const client = sockets.connect(lab.port);
      const target = await sockets.accept(listener.fd);
      sockets.sendAndFinish(target, "answer");
      assert.equal(await sockets.receive(client), "answer");
      assert.equal(sockets.segmentsIn(client), 2, "a SYN-ACK, and one more");
      sockets.close(client, target, listener.fd);
      await lab.recorded(1);
      lab.records.length = 0; // of a client that the lab has not made
    }),
  );
});
