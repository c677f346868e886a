import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  PREAMBLE_BYTES,
  readPreamble,
  SECRET_BYTES,
  writePreamble,
} from "../../../src/engines/linux/shared/preamble.ts";
import { Slots } from "../../../src/engines/linux/shared/slots.ts";
import { SOCKADDR_MAX } from "../../../src/engines/linux/sys/abi.ts";
import { encodeLiteral } from "../../../src/engines/linux/sys/sockaddr.ts";
import { BY_BALANCER, CONNECT_FAILED, outcome } from "../../../src/proxy/outcome.ts";

const secret = Uint8Array.from({ length: SECRET_BYTES }, (_, i) => 255 - i);

describe("preamble", () => {
  for (const { host, failure, row } of [
    { host: "192.0.2.255", failure: 0, row: -1 },
    { host: "2001:db8::ffff:1", failure: -1, row: 4095 },
  ]) {
    it(`tells of ${host} what its slot holds, wherever in a buffer it comes`, () => {
      const slots = Slots.create(4);
      const peer = new Uint8Array(SOCKADDR_MAX);
      encodeLiteral(host, 65_535, peer);
      slots.begin(3, 999, 0, 10, 0, peer, 0);
      const local = new Uint8Array(SOCKADDR_MAX);
      encodeLiteral("2001:db8::2", 3_000, local);
      slots.setOutcome(3, outcome(BY_BALANCER, CONNECT_FAILED));
      if (failure !== 0) slots.addTried(3, row, 0, failure);
      slots.setRow(3, row, 0);
      const ticket = 2 ** 30 - 1;
      const bytes = writePreamble(secret, 256, ticket, slots, 3, local);
      assert.equal(bytes.length, PREAMBLE_BYTES);
      assert.deepEqual(bytes.subarray(0, SECRET_BYTES), secret);
      const received = new Uint8Array(PREAMBLE_BYTES + 9);
      received.set(bytes, 3);
      assert.deepEqual(readPreamble(received.subarray(3)), {
        worker: 256,
        ticket,
        pool: 999,
        reason: "connect-failed",
        failure,
        row,
        client: { host, port: 65_535 },
        local: { host: "2001:db8::2", port: 3_000 },
      });
    });
  }
});
