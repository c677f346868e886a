import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FIELDS, SLOT_WORDS } from "../../../src/engines/linux/shared/slot-layout.ts";
import { Slots } from "../../../src/engines/linux/shared/slots.ts";
import { TIMED_OUT } from "../../../src/engines/linux/shared/tried.ts";
import { SOCKADDR_MAX } from "../../../src/engines/linux/sys/abi.ts";
import { encodeLiteral } from "../../../src/engines/linux/sys/sockaddr.ts";
import { MAX_TARGETS } from "../../../src/pool/options.ts";
import { INCARNATIONS } from "../../../src/pool/pool.ts";
import { CLIENT, TARGET } from "../../../src/proxy/record.ts";
import { ENDED, PERMIT, ROW } from "../../../src/proxy/states.ts";
import { clientKey } from "../../../src/util/client-key.ts";
import fc from "../../support/draws.ts";

const BYTES = { i32: 4, u32: 4, f64: 8 } as const;
const LINE_BYTES = 64;

describe("slot layout", () => {
  it("places every field inside the slot and one cache line, aligned to its size, and over no other", () => {
    const owner = new Map<number, string>();
    for (const [name, { type, count, offset }] of Object.entries(FIELDS)) {
      const size = BYTES[type] * count;
      const first = BYTES[type] * offset;
      assert.equal(first % size, 0, `${name} is aligned`);
      assert.equal(
        Math.floor(first / LINE_BYTES),
        Math.floor((first + size - 1) / LINE_BYTES),
        `${name} is in one line`,
      );
      assert.ok(first + size <= SLOT_WORDS * 4, `${name} is inside the slot`);
      for (let byte = first; byte < first + size; byte++) {
        assert.equal(owner.get(byte), undefined, `${name} and ${owner.get(byte)} overlap`);
        owner.set(byte, name);
      }
    }
  });

  it("has the stride that the methods shift by", () => {
    assert.equal(SLOT_WORDS, 1 << 6);
    assert.equal(Slots.create(4).capacity, 4);
  });
});

/** Every pair of methods that writes and reads one number, by field and, where there are two, by end. */
type Cell = {
  read: (slots: Slots, slot: number) => number;
  write: (slots: Slots, slot: number, value: number) => void;
};
const cells: Record<string, Cell> = {
  state: { read: (s, slot) => s.state(slot), write: (s, slot, v) => s.setState(slot, v) },
  movedAt: { read: (s, slot) => s.movedAt(slot), write: (s, slot, v) => s.setMovedAt(slot, v) },
  row: { read: (s, slot) => s.row(slot), write: (s, slot, v) => s.setRow(slot, v, s.incarnation(slot)) },
  incarnation: { read: (s, slot) => s.incarnation(slot), write: (s, slot, v) => s.setRow(slot, s.row(slot), v) },
  waiter: { read: (s, slot) => s.waiter(slot), write: (s, slot, v) => s.setWaiter(slot, v) },
  since: { read: (s, slot) => s.since(slot), write: (s, slot, v) => s.setSince(slot, v) },
  queuedMs: { read: (s, slot) => s.queuedMs(slot), write: (s, slot, v) => s.addQueuedMs(slot, v - s.queuedMs(slot)) },
  connectMs: { read: (s, slot) => s.connectMs(slot), write: (s, slot, v) => s.setConnectMs(slot, v) },
  phase: { read: (s, slot) => s.phase(slot), write: (s, slot, v) => s.setPhase(slot, v) },
  answered: { read: (s, slot) => s.answered(slot), write: (s, slot, v) => s.setAnswered(slot, v) },
  outcome: { read: (s, slot) => s.outcome(slot), write: (s, slot, v) => s.setOutcome(slot, v) },
  listed: { read: (s, slot) => (s.listed(slot) ? 1 : 0), write: (s, slot, v) => s.setListed(slot, v === 1) },
};
for (const end of [CLIENT, TARGET]) {
  const add = (name: string, cell: Cell) => {
    cells[`${name} ${end}`] = cell;
  };
  add("fd", { read: (s, slot) => s.fd(slot, end), write: (s, slot, v) => s.setFd(slot, end, v) });
  add("bits", { read: (s, slot) => s.bits(slot, end), write: (s, slot, v) => s.setBits(slot, end, v) });
  add("streak", { read: (s, slot) => s.streak(slot, end), write: (s, slot, v) => s.setStreak(slot, end, v) });
  add("writeBuffer", {
    read: (s, slot) => s.writeBuffer(slot, end),
    write: (s, slot, v) => s.setWriteBuffer(slot, end, v),
  });
  add("buffered", { read: (s, slot) => s.buffered(slot, end), write: (s, slot, v) => s.setBuffered(slot, end, v) });
}

const SLOTS = 4;

function accepted(slots: Slots, slot: number, host = "192.0.2.1", port = 1000): void {
  const peer = new Uint8Array(SOCKADDR_MAX);
  encodeLiteral(host, port, peer);
  slots.begin(slot, 20 + slot, 30 + slot, 10 + slot, 3, peer, 5000);
}

describe("slots", () => {
  it("gives back what was written last, whatever is written elsewhere", () => {
    const step = fc.record({ name: fc.constantFrom(...Object.keys(cells)), slot: fc.nat(SLOTS - 1), value: fc.nat(1) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 200 }), (steps) => {
        const slots = Slots.create(SLOTS);
        const model = new Map<string, number>();
        for (const { name, slot, value } of steps) {
          cells[name]!.write(slots, slot, value);
          model.set(`${name} of ${slot}`, value);
        }
        for (let slot = 0; slot < SLOTS; slot++) {
          for (const [name, { read }] of Object.entries(cells)) {
            assert.equal(read(slots, slot), model.get(`${name} of ${slot}`) ?? 0, `${name} of ${slot}`);
          }
        }
      }),
    );
  });

  it("begins a connection without anything of the one before it", () => {
    const slots = Slots.create(SLOTS);
    accepted(slots, 1, "2001:db8::1", 9);
    for (const { write } of Object.values(cells)) write(slots, 1, 1);
    slots.addTried(1, 7, 5, 111);
    slots.firstToEnd(1, TARGET);
    slots.end(1, 7, 6000);
    accepted(slots, 1);
    assert.deepEqual(slots.clientKey(1), clientKey("192.0.2.1", new Uint32Array(4)));
    assert.deepEqual(slots.client(1), { host: "192.0.2.1", port: 1000 });
    assert.deepEqual([slots.acceptedAt(1), slots.connectMs(1), slots.firstByteMs(1), slots.row(1)], [5000, -1, -1, -1]);
    assert.deepEqual([slots.poolOf(1), slots.placeOf(1), slots.fd(1, CLIENT), slots.fd(1, TARGET)], [21, 31, 11, -1]);
    assert.deepEqual([slots.bits(1, CLIENT), slots.bits(1, TARGET)], [3, 0]);
    assert.deepEqual([slots.outcome(1), slots.failure(1), slots.tried(1)], [0, 0, []]);
    assert.equal(slots.unreported(1, CLIENT) + slots.unreported(1, TARGET) + slots.bytes(1, CLIENT), 0);
    assert.ok(!slots.holds(1, PERMIT | ROW));
    assert.equal(slots.firstToEnd(1, CLIENT), CLIENT);
  });

  it("makes events of a descriptor that was taken out of date", () => {
    const slots = Slots.create(SLOTS);
    accepted(slots, 2);
    const [client, target] = [slots.generation(2, CLIENT), slots.generation(2, TARGET)];
    assert.equal(slots.takeFd(2, CLIENT), 12);
    assert.equal(slots.takeFd(2, CLIENT), -1);
    assert.notEqual(slots.generation(2, CLIENT), client);
    assert.equal(slots.generation(2, TARGET), target);
  });

  it("counts bytes by direction, and what of them is reported", () => {
    const slots = Slots.create(SLOTS);
    accepted(slots, 0);
    slots.addBytes(0, CLIENT, 5, 5100);
    assert.equal(slots.firstByteMs(0), -1);
    assert.equal(slots.addBytes(0, TARGET, 2 ** 40, 5200), true, "the target's first");
    assert.deepEqual([slots.unreported(0, CLIENT), slots.unreported(0, TARGET)], [5, 2 ** 40]);
    slots.setReported(0);
    slots.addBytes(0, CLIENT, 1, 5300);
    assert.deepEqual([slots.unreported(0, CLIENT), slots.unreported(0, TARGET)], [1, 0]);
    assert.equal(slots.addBytes(0, TARGET, 1, 5400), false);
    assert.deepEqual([slots.bytes(0, CLIENT), slots.movedAt(0), slots.firstByteMs(0)], [6, 5400, 200]);
    assert.equal(slots.askedAt(0), 5300);
    slots.noteTaken(0, CLIENT, 5500);
    assert.equal(slots.movedAt(0), 5500);
  });

  it("keeps what was decided first: the end that ended, the outcome, the pass", () => {
    const slots = Slots.create(SLOTS);
    accepted(slots, 3);
    assert.equal(slots.firstToEnd(3, TARGET), TARGET);
    assert.equal(slots.firstToEnd(3, CLIENT), TARGET);
    assert.deepEqual([slots.passOver(3, 4), slots.passOver(3, 4), slots.passOver(3, 5)], [true, false, true]);
    slots.setOutcome(3, 9);
    slots.end(3, 7, 6000);
    assert.deepEqual([slots.state(3), slots.outcome(3), slots.endedAt(3)], [ENDED, 9, 6000]);
  });

  for (const requeue of [0, 1, 100]) {
    it(`keeps which targets failed, and why, and nothing else is touched: requeue ${requeue}`, () => {
      const slots = Slots.create(SLOTS);
      const codes = ["ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH"];
      const errnos = [111, TIMED_OUT, 113];
      for (let slot = 0; slot < SLOTS; slot++) accepted(slots, slot);
      const rows = (slot: number) => Array.from({ length: 1 + requeue }, (_, nth) => MAX_TARGETS - 1 - slot - nth);
      for (let nth = 0; nth <= requeue; nth++) {
        const incarnation = INCARNATIONS - 1 - nth;
        for (let slot = 0; slot < SLOTS; slot++) slots.addTried(slot, rows(slot)[nth]!, incarnation, errnos[nth % 3]!);
      }
      for (let slot = 0; slot < SLOTS; slot++) {
        assert.deepEqual(slots.tried(slot), rows(slot));
        for (let nth = 0; nth <= requeue; nth++) {
          assert.equal(slots.triedCode(slot, nth), codes[nth % 3]);
          assert.equal(slots.triedIncarnation(slot, nth), INCARNATIONS - 1 - nth);
        }
        assert.equal(slots.failure(slot), errnos[requeue % 3]);
        assert.equal(slots.port(slot), 1000);
      }
    });
  }

  it("holds and drops one thing without the other", () => {
    const slots = Slots.create(SLOTS);
    accepted(slots, 0);
    slots.addHold(0, PERMIT);
    slots.addHold(0, ROW);
    slots.dropHold(0, PERMIT);
    assert.deepEqual([slots.holds(0, PERMIT), slots.holds(0, ROW)], [false, true]);
  });
});
