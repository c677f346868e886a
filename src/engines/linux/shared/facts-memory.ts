/**
 * What is known of clients beside their addresses (edge/facts.ts), a part of shared memory for each slot of a worker: it writes there, and
 * the main thread reads when it makes records. It exists only where a listener asks clients for something, and pages that are
 * never used take no memory.
 *
 * A part is a word of flags, then what they say is there, in their order. A text is its length in bytes, one byte, and UTF-8.
 */
import { Buffer } from "node:buffer";
import type { ClientFacts, TlsFacts } from "../../../edge/facts.ts";
import type { TcpAddress } from "../../../net/runtime.ts";
import { addressWords } from "../../../util/client-key.ts";
import { endOfWords } from "../sys/sockaddr.ts";

/** Bytes of a part: all that fits one with every text of the length that it may have. */
const PART_BYTES = 1024;
const FLAGS_BYTES = 2;

// Bytes that are kept of a text. What a DNS name and a protocol's name may have is what they may have.
const NAME_BYTES = 255;
const VERSION_BYTES = 16;
const CIPHER_BYTES = 64;
const COMMON_NAME_BYTES = 128;
const UNIQUE_ID_BYTES = 128;

const VIA = 1;
const DESTINATION = 2;
const SERVER_NAME = 4;
const ALPN = 8;
const TLS = 16;
const CIPHER = 32;
const CERTIFICATE = 64;
const COMMON_NAME = 128;
const VERIFIED = 256;
const UNIQUE_ID = 512;

export class FactsMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #parts: Uint8Array;
  /** A part at work: not all runtimes write texts into shared memory, and what is read changes no more. */
  readonly #bytes = Buffer.alloc(PART_BYTES);
  readonly #words = new Uint32Array(4);
  #at = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#parts = new Uint8Array(buffer);
  }

  static create(slots: number): FactsMemory {
    return new FactsMemory(new SharedArrayBuffer(slots * PART_BYTES));
  }

  write(slot: number, { alpn, destination, serverName, tls, uniqueId, via }: ClientFacts): void {
    let flags = 0;
    this.#at = FLAGS_BYTES;
    if (via !== null) flags |= this.#putAddress(VIA, via);
    if (destination !== null) flags |= this.#putAddress(DESTINATION, destination);
    if (serverName !== null) flags |= this.#putText(SERVER_NAME, serverName, NAME_BYTES);
    if (alpn !== null) flags |= this.#putText(ALPN, alpn, NAME_BYTES);
    if (tls !== null) flags |= this.#putTls(tls);
    if (uniqueId !== null) flags |= this.#putBytes(UNIQUE_ID, uniqueId, UNIQUE_ID_BYTES);
    this.#bytes.writeUInt16LE(flags);
    this.#parts.set(this.#bytes.subarray(0, this.#at), slot * PART_BYTES);
  }

  /** What was written last. Meaningless, but harmless, while another thread writes. */
  read(slot: number): ClientFacts {
    this.#bytes.set(this.#parts.subarray(slot * PART_BYTES, (slot + 1) * PART_BYTES));
    const flags = this.#bytes.readUInt16LE();
    this.#at = FLAGS_BYTES;
    return {
      via: flags & VIA ? this.#takeAddress() : null,
      destination: flags & DESTINATION ? this.#takeAddress() : null,
      serverName: flags & SERVER_NAME ? this.#takeText() : null,
      alpn: flags & ALPN ? this.#takeText() : null,
      tls: flags & TLS ? this.#takeTls(flags) : null,
      uniqueId: flags & UNIQUE_ID ? Uint8Array.from(this.#takeBytes()) : null,
    };
  }

  #putTls({ certificate, cipher, version }: TlsFacts): number {
    let flags = this.#putText(TLS, version, VERSION_BYTES);
    if (cipher !== null) flags |= this.#putText(CIPHER, cipher, CIPHER_BYTES);
    if (certificate === null) return flags;
    flags |= CERTIFICATE;
    if (certificate.verified) flags |= VERIFIED;
    const { commonName } = certificate;
    return commonName === null ? flags : flags | this.#putText(COMMON_NAME, commonName, COMMON_NAME_BYTES);
  }

  #takeTls(flags: number): TlsFacts {
    const version = this.#takeText();
    const cipher = flags & CIPHER ? this.#takeText() : null;
    const commonName = flags & COMMON_NAME ? this.#takeText() : null;
    const certificate = flags & CERTIFICATE ? { commonName, verified: (flags & VERIFIED) !== 0 } : null;
    return { version, cipher, certificate };
  }

  #putText(flag: number, text: string, most: number): number {
    const at = this.#at;
    const length = this.#bytes.write(text, at + 1, most, "utf8"); // it never ends within a character
    return this.#putLength(flag, length);
  }

  #takeText(): string {
    return this.#takeBytes().toString("utf8");
  }

  #putBytes(flag: number, bytes: Uint8Array, most: number): number {
    const kept = bytes.subarray(0, most);
    this.#bytes.set(kept, this.#at + 1);
    return this.#putLength(flag, kept.length);
  }

  #putLength(flag: number, length: number): number {
    this.#bytes[this.#at] = length;
    this.#at += 1 + length;
    return flag;
  }

  #takeBytes(): Buffer {
    const start = this.#at + 1;
    this.#at = start + this.#bytes[this.#at]!;
    return this.#bytes.subarray(start, this.#at);
  }

  #putAddress(flag: number, { host, port }: TcpAddress): number {
    for (const word of addressWords(host, this.#words)) this.#at = this.#bytes.writeUInt32LE(word, this.#at);
    this.#at = this.#bytes.writeUInt16LE(port, this.#at);
    return flag;
  }

  #takeAddress(): TcpAddress {
    for (let i = 0; i < 4; i++) this.#words[i] = this.#bytes.readUInt32LE(this.#at + 4 * i);
    this.#at += 18;
    return endOfWords(this.#words, 0, this.#bytes.readUInt16LE(this.#at - 2));
  }
}
