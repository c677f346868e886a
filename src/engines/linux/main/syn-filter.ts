/**
 * A packet filter with which listeners take no further SYN, while what completes a handshake under way comes through: the kernel
 * asks the listener's filter for each packet of such a handshake, too, and shows it the TCP header. The client sends a SYN that was
 * dropped again, a second later at first.
 */
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";

/** Where in the TCP header its flags are, and two of them (RFC 9293, 3.1). */
const FLAGS = 13;
const SYN = 0x02;
const ACK = 0x10;

/** code, jt, jf, k: a filter returns how many bytes of the packet to keep. */
const INSTRUCTIONS: readonly (readonly [number, number, number, number])[] = [
  [abi.BPF_LD_B_ABS, 0, 0, FLAGS],
  [abi.BPF_AND_K, 0, 0, SYN | ACK],
  [abi.BPF_JEQ_K, 0, 1, SYN],
  [abi.BPF_RET_K, 0, 0, 0],
  [abi.BPF_RET_K, 0, 0, 0xffff_ffff],
];

export class SynFilter {
  readonly #libc: Libc;
  readonly #program: Pointer;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#program = programOf(libc).at(0);
  }

  /** False: the kernel has refused it for one of the listeners (a sandbox, say), and some of them may take SYNs as before. */
  dropSyns(listeners: readonly number[]): boolean {
    return listeners.every(
      (fd) => this.#libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_ATTACH_FILTER, this.#program, abi.SOCK_FPROG_SIZE) === 0,
    );
  }
}

/** A struct sock_fprog, and its instructions behind it. */
function programOf(libc: Libc): NativeMemory {
  const memory = libc.alloc(abi.SOCK_FPROG_SIZE + INSTRUCTIONS.length * abi.SOCK_FILTER_SIZE);
  const view = new DataView(memory.bytes.buffer);
  view.setUint16(0, INSTRUCTIONS.length, true);
  memory.putPointer(abi.SOCK_FPROG_FILTER, memory.at(abi.SOCK_FPROG_SIZE));
  for (const [i, [code, ifTrue, ifFalse, k]] of INSTRUCTIONS.entries()) {
    const at = abi.SOCK_FPROG_SIZE + i * abi.SOCK_FILTER_SIZE;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, k, true);
  }
  return memory;
}
