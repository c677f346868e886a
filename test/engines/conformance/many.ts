/** A thousand pools, each behind a listener: they are served, and nothing of them is left. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { amount } from "../../support/amount.ts";
import { descriptors } from "../../support/descriptors.ts";
import { answerer } from "../../support/peers.ts";
import { readText } from "../../support/stream.ts";
import { settle, until } from "../../support/wait.ts";
import type { Front } from "../front.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";

/** At once: opening or closing them one after the other would take the time of a round through all threads each. */
const BATCH = 50;

export function many(host: Host, count = amount(1_000)): void {
  it(`serves ${count} pools, of which some are asked, and has nothing left when they have gone`, () =>
    inLab(host, {}, async (lab) => {
      await open(lab, BATCH).then(close); // what the first ones make for all
      const before = descriptors();
      const fronts = await open(lab, count);
      const middle = fronts[count >> 1]!;
      const asked = [fronts[0]!, middle, fronts[count - 1]!];
      for (const front of asked) {
        const { name } = front.pool.options;
        await lab.target("t", answerer(name), {}, front);
        assert.equal(await lab.ask(front.addresses[0]), name);
      }
      const long = await lab.client(middle.addresses[0]);
      await until("the long connection", () => middle.pool.active === 1);
      await close(fronts.filter((front) => front !== middle));
      await long.closeWrite();
      assert.equal(await readText(long), middle.pool.options.name);
      await long.close();
      const names = asked.map(({ pool }) => pool.options.name);
      const records = () => lab.records.filter(({ pool }) => names.includes(pool));
      await until("their records", () => records().length >= 4);
      assert.equal(records().length, 4);
      await close([middle]);
      lab.strangers(lab.records.length - 4); // somebody had one of so many ports before, and is still asked for there
      if (before === null) return;
      await settle();
      await until("the descriptors of before", () => descriptors()! <= before + 3); // the three targets listen on
    }));
}

async function open(lab: Lab, count: number): Promise<Front[]> {
  const fronts: Front[] = [];
  while (fronts.length < count) {
    const names = Array.from({ length: Math.min(BATCH, count - fronts.length) }, (_, i) => `p${fronts.length + i}`);
    fronts.push(...(await Promise.all(names.map((name) => lab.another(name, { pool: { maxTargets: 8 } })))));
  }
  return fronts;
}

async function close(fronts: readonly Front[]): Promise<void> {
  for (let i = 0; i < fronts.length; i += BATCH) {
    await Promise.all(fronts.slice(i, i + BATCH).map((front) => front.close(10_000)));
  }
}
