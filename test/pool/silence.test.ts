import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMITTED, type Pool, SharedPool } from "../../src/pool/pool.ts";
import { EXPERIENCE, HUSH_MS, MANY, PATIENCE, SILENCE_MS, UNCOUNTED } from "../../src/pool/silence.ts";
import fc from "../support/draws.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

type Tell = Parameters<Pool["observe"]>[0]["tell"];

/** Clients that ask and wait, and what a thread tells the pool of them. */
class Scene {
  readonly pool: Pool;
  now = 100_000;
  #waits: { row: number; client: number; askedAt: number; counted: number }[] = [];

  constructor(targets: readonly string[], options: Parameters<typeof makePool>[0] = {}) {
    this.pool = makePool(options);
    for (const name of targets) addTarget(this.pool, name);
  }

  row(name: string): number {
    return this.pool.row(name);
  }

  /** It has answered so many, each after `ms`. */
  answers(name: string, count = EXPERIENCE, ms = 10, from = 1): void {
    const row = this.row(name);
    this.#observe((silence) => {
      silence.answered(row, count, this.now, this.now);
      for (const each of [0, 1]) silence.waited(row, from + each, ms, this.now - ms);
    });
  }

  /** A client has been answered after `ms`. */
  waited(name: string, client: number, ms: number): void {
    this.#observe((silence) => silence.waited(this.row(name), client, ms, this.now - ms));
  }

  /** Somebody asks now, and waits from now on. */
  asks(name: string, client: number): void {
    this.#waits.push({ row: this.row(name), client, askedAt: this.now, counted: UNCOUNTED });
  }

  /** They leave. */
  leave(name: string): void {
    this.#waits = this.#waits.filter(({ row }) => row !== this.row(name));
  }

  /** So many ms pass, with a look in each quarter of a second. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now = Math.min(end, this.now + 250);
      this.#observe((silence) => {
        for (const wait of this.#waits) {
          wait.counted = silence.waits(wait.row, wait.client, wait.askedAt, wait.counted, this.now);
        }
      });
    }
  }

  state(name: string): string {
    const { state, failure } = this.pool.view(name)!;
    return failure === null ? state : `${state} ${failure}`;
  }

  /** The targets of so many picks. */
  picks(count: number): string[] {
    return Array.from({ length: count }, (_, n) => String(pickName(this.pool, client(n), [], this.now)));
  }

  #observe(tell: Tell): void {
    this.pool.observe({ tell }, this.now);
  }
}

function askedBy(scene: Scene, name: string, clients: readonly number[]): void {
  scene.now += 1;
  for (const each of clients) scene.asks(name, each);
}

describe("a target that answers nobody", () => {
  it("is left alone for a moment, then out, and back when it answers somebody", () => {
    const scene = new Scene(["a", "b", "c"]);
    scene.answers("a");
    askedBy(scene, "a", [1, 2, 2]);
    scene.pass(HUSH_MS - 1);
    assert.ok(scene.picks(9).includes("a"));
    scene.pass(250);
    assert.equal(scene.state("a"), "up");
    assert.ok(!scene.picks(9).includes("a"), "others are picked while it is silent");
    scene.pass(SILENCE_MS - HUSH_MS);
    assert.equal(scene.state("a"), "suspect silent");
    scene.answers("a", 1);
    assert.equal(scene.state("a"), "up");
    assert.ok(scene.picks(9).includes("a"));
  });

  it("is picked for a moment yet where the others are full, and keeps its clients", () => {
    const pool = new Scene(["a"], { persistent: 60_000 });
    addTarget(pool.pool, "b", { max: 1 });
    const bound = client(7);
    while (pickName(pool.pool, bound, [pool.row("b")], pool.now) !== "a");
    pool.answers("a");
    askedBy(pool, "a", [1, 2, 3]);
    pool.pass(HUSH_MS + 250);
    assert.equal(pickName(pool.pool, bound, [], pool.now), "b");
    assert.equal(pickName(pool.pool, bound, [], pool.now), "a", "b is full");
    pool.answers("a", 1);
    assert.equal(pickName(pool.pool, bound, [], pool.now), "a", "it is bound to it as before");
  });

  it("cannot be hidden by one client that has waited for long", () => {
    const scene = new Scene(["a", "b", "c"]);
    scene.answers("a");
    for (let n = 0; n < 3; n++) scene.waited("a", 9, 60_000);
    askedBy(scene, "a", [1, 2, 3]);
    scene.pass(HUSH_MS + SILENCE_MS);
    assert.equal(scene.state("a"), "suspect silent");
  });

  it("does not learn from those whom it has held up that they wait for long", () => {
    const scene = new Scene(["a", "b", "c"]);
    scene.answers("a");
    askedBy(scene, "a", [1, 2, 3]);
    scene.pass(60_000);
    scene.leave("a");
    scene.answers("a", EXPERIENCE, 59_000);
    assert.equal(scene.state("a"), "up");
    askedBy(scene, "a", [1, 2, 3]);
    scene.pass(2 * PATIENCE * SILENCE_MS);
    assert.equal(scene.state("a"), "suspect silent");
  });

  it("is not tried as soon as others while somebody waits whose answer would tell as much", () => {
    const scene = new Scene(["a", "b", "c"]);
    scene.answers("a");
    askedBy(scene, "a", [1, 2, 3]);
    while (scene.state("a") === "up") scene.pass(250);
    const from = scene.now;
    while (!scene.picks(4).includes("a")) scene.pass(250);
    assert.ok(scene.now - from >= 4_000 && scene.now - from <= 6_000, `after ${scene.now - from} ms`);
  });

  it("serves its priority while it is left alone for a moment", () => {
    const scene = new Scene(["a"]);
    for (const priority of [1, 2]) addTarget(scene.pool, `p${priority}`, { priority });
    scene.answers("a");
    askedBy(scene, "a", [1, 2, 3]);
    scene.pass(HUSH_MS + 250);
    scene.pool.setState("p1", "down"); // ranks are divided anew
    assert.deepEqual(scene.picks(2), ["a", "a"]);
  });

  for (const queueWhenEmpty of [0, 1_000]) {
    it(`is up and has room for who waits in the queue, too, while it is left alone (queueWhenEmpty ${queueWhenEmpty})`, () => {
      const scene = new Scene(["a"], { concurrency: 1, queueWhenEmpty });
      const { pool, now } = scene;
      addTarget(pool, "full", { max: 1 });
      pool.pick(client(9), [scene.row("a")], now);
      if (queueWhenEmpty > 0) pool.remove("full");
      scene.answers("a");
      askedBy(scene, "a", [1, 2, 3]);
      scene.pass(HUSH_MS + 250);
      assert.equal(pool.enter(1), ADMITTED);
      assert.ok(pool.enter(2) >= 0, "one permit");
      assert.equal(pool.awaitsTarget, false);
      pool.leave();
      assert.equal(pool.grant()?.ticket, 2);
      assert.equal(pool.identity(pool.pickGranted(2, client(2), [], scene.now)), "a");
    });
  }

  it("loses those who are being connected to it to whichever is better, a backup too", () => {
    for (const other of [{}, { priority: 1 }, { backup: true }]) {
      const scene = new Scene(["a"]);
      addTarget(scene.pool, "other", other);
      scene.answers("a");
      askedBy(scene, "a", [1, 2, 3]);
      scene.pass(HUSH_MS + SILENCE_MS);
      assert.equal(scene.state("a"), "suspect silent");
      assert.ok(scene.pool.silentSince(scene.row("a")) > 0, JSON.stringify(other));
      scene.pool.setState("other", "down");
      assert.equal(scene.pool.silentSince(scene.row("a")), 0, "there is none");
    }
  });

  it("is out among thousands at once, as far as the share goes", () => {
    const names = Array.from({ length: 4_000 }, (_, n) => `t${n}`);
    const scene = new Scene(names, { maxTargets: names.length });
    for (const name of names) scene.answers(name);
    for (const name of names) askedBy(scene, name, [1, 2, 3]);
    scene.pass(HUSH_MS + 250 + SILENCE_MS - 500);
    scene.pass(500);
    assert.equal(scene.pool.suspects().length, names.length / 2);
  });

  const NOT: readonly [string, (scene: Scene) => void][] = [
    ["nothing is known of it yet", (scene) => askedBy(scene, "a", [1, 2, 3, 4])],
    [
      "it has answered few so far",
      (scene) => {
        scene.answers("a", EXPERIENCE - 1);
        askedBy(scene, "a", [1, 2, 3, 4]);
      },
    ],
    [
      "one client alone waits",
      (scene) => {
        scene.answers("a");
        askedBy(scene, "a", [1, 1, 1, 1]);
      },
    ],
    [
      "few connections wait",
      (scene) => {
        scene.answers("a");
        askedBy(
          scene,
          "a",
          Array.from({ length: MANY - 1 }, (_, n) => n + 1),
        );
      },
    ],
    [
      "it answers others than those who wait",
      (scene) => {
        scene.answers("a");
        askedBy(scene, "a", [1, 2, 3, 4]);
        for (let i = 0; i < 20; i++) {
          scene.pass(250);
          scene.answers("a", 1);
        }
      },
    ],
    [
      "those who wait had asked before it last answered",
      (scene) => {
        askedBy(scene, "a", [1, 2, 3, 4]);
        scene.now += 1;
        scene.answers("a");
      },
    ],
    [
      "it has taken as long before",
      (scene) => {
        scene.answers("a", EXPERIENCE, 5_000);
        askedBy(scene, "a", [1, 2, 3, 4]);
        scene.pass(PATIENCE * 5_000 - 500);
      },
    ],
    [
      "it is silent for less than two seconds at a time",
      (scene) => {
        scene.answers("a");
        for (let i = 0; i < 10; i++) {
          askedBy(scene, "a", [1, 2, 3, 4]);
          scene.pass(1_900);
          scene.leave("a");
          scene.answers("a", 1);
        }
      },
    ],
  ];
  for (const [when, happens] of NOT) {
    it(`is not taken for one when ${when}`, () => {
      const scene = new Scene(["a", "b", "c"]);
      happens(scene);
      if (!/taken as long|less than/.test(when)) scene.pass(when.includes("others") ? 0 : 10_000);
      assert.equal(scene.state("a"), "up");
      assert.ok(scene.picks(9).includes("a"));
    });
  }

  it("is out also where its clients do not wait for that", () => {
    const scene = new Scene(["a", "b", "c"]);
    scene.answers("a");
    askedBy(scene, "a", [1, 2, 3]);
    scene.pass(HUSH_MS + 250);
    scene.leave("a");
    scene.pass(SILENCE_MS);
    assert.equal(scene.state("a"), "suspect silent");
  });

  it("is tried by one connection once nobody waits for it any more, and less and less often", () => {
    const scene = new Scene(["a", "b", "c"]);
    scene.answers("a");
    askedBy(scene, "a", [1, 2, 3]);
    scene.pass(HUSH_MS + SILENCE_MS);
    scene.leave("a");
    const triedAt: number[] = [];
    for (let i = 0; i < 240; i++) {
      scene.pass(250);
      for (const name of scene.picks(4)) if (name === "a") triedAt.push(scene.now);
    }
    const pauses = triedAt.slice(1).map((at, n) => at - triedAt[n]!);
    assert.ok(
      pauses.every((pause, n) => n === 0 || pause >= pauses[n - 1]!),
      `${pauses}`,
    );
    assert.ok(pauses.at(-1)! >= 10_000 && pauses.at(-1)! <= 10_500, `${pauses}`);
    scene.answers("a", 1);
    assert.equal(scene.state("a"), "up");
  });

  it("stays in while as many are out as may be, and comes back when there are fewer targets", () => {
    const scene = new Scene(["a", "b", "c"]);
    for (const name of ["a", "b"]) {
      scene.answers(name);
      askedBy(scene, name, [1, 2, 3]);
    }
    scene.pass(HUSH_MS + SILENCE_MS);
    const states = () => ["a", "b", "c"].map((name) => (scene.pool.row(name) < 0 ? "gone" : scene.state(name)));
    assert.deepEqual(states().filter((state) => state === "suspect silent").length, 1);
    assert.ok(
      scene.picks(9).every((name) => name === "c"),
      "the other one is left alone all the same",
    );
    scene.pool.remove("c");
    scene.pool.setState(states()[0] === "up" ? "a" : "b", "down");
    scene.pass(250);
    assert.ok(states().includes("up"), "one alone is never out");
  });

  it("is seen by threads together", () => {
    const scene = new Scene(["a", "b", "c"]);
    const threads = [1, 2, 3].map((worker) => SharedPool.attach(scene.pool.handle, worker));
    scene.answers("a");
    const row = scene.row("a");
    const askedAt = scene.now + 1;
    const counted = threads.map(() => UNCOUNTED);
    for (scene.now += 250; scene.now < askedAt + HUSH_MS + SILENCE_MS + 500; scene.now += 250) {
      threads.forEach((thread, n) => {
        const tell: Tell = (silence) => {
          counted[n] = silence.waits(row, n + 1, askedAt, counted[n]!, scene.now);
        };
        thread.observe({ tell }, scene.now);
      });
    }
    assert.equal(scene.state("a"), "suspect silent");
  });

  it("never takes more than the share out, whatever happens, and an answer always brings one back", () => {
    const names = ["a", "b", "c", "d", "e"];
    const step = fc.oneof(
      fc.record({
        do: fc.constant("asks" as const),
        who: fc.constantFrom(...names),
        clients: fc.integer({ min: 1, max: 4 }),
      }),
      fc.record({ do: fc.constant("answers" as const), who: fc.constantFrom(...names) }),
      fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
      fc.record({ do: fc.constant("down" as const), who: fc.constantFrom(...names) }),
      fc.record({ do: fc.constant("up" as const), who: fc.constantFrom(...names) }),
      fc.record({ do: fc.constant("pick" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 100 }), (steps, ejectShare) => {
        const scene = new Scene(names, { ejectShare });
        for (const name of names) scene.answers(name);
        for (const each of steps) {
          if (each.do === "asks") {
            scene.now += 1;
            for (let n = 1; n <= each.clients; n++) scene.asks(each.who, n);
          } else if (each.do === "answers") {
            scene.now += 1;
            scene.leave(each.who);
            scene.answers(each.who, 1);
            assert.notEqual(scene.state(each.who), "suspect silent");
          } else if (each.do === "pass") scene.pass(each.ms);
          else if (each.do === "pick") scene.picks(1);
          else scene.pool.setState(each.who, each.do);
          if (each.do === "down") scene.pass(250 * names.length);
          const states = names.map((name) => scene.state(name));
          const out = states.filter((state) => state === "suspect silent").length;
          const members = states.filter((state) => state !== "down").length;
          assert.ok(out <= Math.floor((members * ejectShare) / 100), `${states} with ${ejectShare} %`);
        }
      }),
      { numRuns: 200 },
    );
  });
});
