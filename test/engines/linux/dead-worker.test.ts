import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cleanUp } from "../../../src/engines/linux/main/dead-worker.ts";
import { Mailbox } from "../../../src/engines/linux/shared/mailbox.ts";
import { NO_POOL } from "../../../src/engines/linux/shared/orders.ts";
import { Slots } from "../../../src/engines/linux/shared/slots.ts";
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { LINGER_SIZE, putLinger } from "../../../src/engines/linux/sys/reset.ts";
import { SimulatedKernel } from "../../support/kernel/kernel.ts";
import { simulatedLibc } from "../../support/kernel/simulated-libc.ts";

describe("what a dead worker leaves behind", () => {
  it("is closed without a record where it had no pool yet, whatever its state has come to say", () => {
    const kernel = new SimulatedKernel();
    const libc = simulatedLibc(kernel);
    const slots = Slots.create(4);
    const mailbox = Mailbox.create(4);
    mailbox.span = 1;
    const fd = libc.socket(abi.AF_INET, abi.SOCK_STREAM, 0);
    slots.begin(0, NO_POOL, 0, fd, 0, new Uint8Array(abi.SOCKADDR_MAX), 0);
    const memory = libc.alloc(LINGER_SIZE);
    putLinger(new DataView(memory.bytes.buffer), 0);
    const named = { poolOf: () => undefined, placeOf: () => "" };
    const rest = { passOn: () => false, release: () => assert.fail("it holds nothing") };
    const records: unknown[] = [];
    const dropped = cleanUp({ libc, linger: memory.at(0), named, slots, mailbox, ...rest }, (each) =>
      records.push(each),
    );
    assert.equal(dropped, 1);
    assert.deepEqual(records, []);
    assert.deepEqual(kernel.descriptors.list(), []);
  });
});
