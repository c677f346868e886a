import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { SOCKADDR_MAX } from "../../../src/engines/linux/sys/abi.ts";
import { decodePeer, encodeLiteral, encodePath, encodePathOrName } from "../../../src/engines/linux/sys/sockaddr.ts";
import { addressWords, formatWords } from "../../../src/util/client-key.ts";
import fc from "../../support/draws.ts";

const bytes = new Uint8Array(SOCKADDR_MAX);
const words = new Uint32Array(4);

describe("sockaddr", () => {
  it("comes back as it went in, and as the words of its text", () => {
    const hosts = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(hosts, fc.nat(65_535), (host, port) => {
        const length = encodeLiteral(host, port, bytes);
        assert.equal(length, host.includes(":") ? 28 : 16);
        assert.equal(decodePeer(bytes, words, 0), port);
        const key = new Uint32Array(4);
        assert.deepEqual(words, addressWords(host, key));
        // Text has many forms, the words one.
        assert.deepEqual(addressWords(formatWords(words, 0), new Uint32Array(4)), key);
      }),
    );
  });

  it("shows a mapped IPv4 address as IPv4", () => {
    encodeLiteral("::ffff:192.0.2.1", 1, bytes);
    decodePeer(bytes, words, 0);
    assert.equal(formatWords(words, 0), "192.0.2.1");
  });

  it("keeps a scope", () => {
    encodeLiteral("fe80::1%7", 1, bytes);
    assert.deepEqual([...bytes.subarray(24, 28)], [7, 0, 0, 0]);
  });

  it("keeps a scope that is named by its interface", () => {
    const scope = () => new DataView(bytes.buffer, bytes.byteOffset).getUint32(24, true);
    encodeLiteral("fe80::1%lo", 1, bytes);
    assert.equal(scope(), existsSync("/sys/class/net/lo/ifindex") ? 1 : 0); // Linux numbers the loopback interface first
    encodeLiteral("fe80::1%no-such-interface", 1, bytes);
    assert.equal(scope(), 0);
  });

  it("takes paths as long as the kernel does, and no longer", () => {
    assert.equal(encodePath("/run/x.sock", bytes), 2 + 11 + 1);
    assert.deepEqual([bytes[0], bytes[1], bytes[2], bytes[13]], [1, 0, 0x2f, 0]);
    assert.equal(encodePath(`/${"x".repeat(106)}`, bytes), SOCKADDR_MAX);
    assert.throws(() => encodePath(`/${"x".repeat(107)}`, bytes), RangeError);
  });

  it("writes the name of an abstract socket, which is as long as it is", () => {
    assert.equal(encodePathOrName("@/x", bytes), 2 + 3);
    assert.deepEqual([...bytes.subarray(0, 6)], [1, 0, 0, 0x2f, 0x78, 0]);
    assert.equal(encodePathOrName("/x", bytes), 2 + 2 + 1);
  });

  it("refuses names", () => {
    assert.throws(() => encodeLiteral("localhost", 1, bytes), RangeError);
  });
});
