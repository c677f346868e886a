/** Classic BPF on a socket (SO_ATTACH_FILTER), as far as the engine's filter goes: what it is shown begins with the TCP header. */
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { bytesAt, pointerIn } from "../memory.ts";

/** Flags of the TCP header, which stand in its byte 13. */
export const SYN = 0x02;
export const ACK = 0x10;
const FLAGS = 13;
const HEADER_BYTES = 20;

interface Instruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly k: number;
}

export class PacketFilter {
  readonly #program: readonly Instruction[];

  constructor(program: readonly Instruction[]) {
    this.#program = program;
  }

  /** A struct sock_fprog. A negative errno for what Linux would refuse; an instruction that is not known here is a fault of the test's kernel. */
  static read(fprog: Uint8Array): PacketFilter | number {
    if (fprog.length !== abi.SOCK_FPROG_SIZE) return -abi.EINVAL;
    const count = fprog[0]! | (fprog[1]! << 8);
    if (count === 0) return -abi.EINVAL;
    const bytes = bytesAt(pointerIn(fprog, abi.SOCK_FPROG_FILTER), count * abi.SOCK_FILTER_SIZE);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const program = Array.from({ length: count }, (_, i) => {
      const at = i * abi.SOCK_FILTER_SIZE;
      const k = view.getUint32(at + 4, true);
      return { code: view.getUint16(at, true), ifTrue: bytes[at + 2]!, ifFalse: bytes[at + 3]!, k };
    });
    return program.at(-1)!.code === abi.BPF_RET_K ? new PacketFilter(program) : -abi.EINVAL;
  }

  /** Whether a packet with these flags and no more comes through. */
  passes(flags: number): boolean {
    const header = new Uint8Array(HEADER_BYTES);
    header[FLAGS] = flags;
    let accumulator = 0;
    for (let at = 0; ; at++) {
      const { code, ifFalse, ifTrue, k } = this.#program[at]!;
      if (code === abi.BPF_RET_K) return k > 0;
      if (code === abi.BPF_LD_B_ABS) accumulator = header[k]!;
      else if (code === abi.BPF_AND_K) accumulator &= k;
      else if (code === abi.BPF_JEQ_K) at += accumulator === k ? ifTrue : ifFalse;
      else throw new Error(`the simulated kernel knows no BPF instruction ${code}`);
    }
  }
}
