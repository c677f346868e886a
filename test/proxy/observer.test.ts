import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LOOK_MS, MOST_TOLD } from "../../src/proxy/observer.ts";
import { BY_CLIENT, BY_TARGET, FIN, outcome, RESET } from "../../src/proxy/outcome.ts";
import { CLIENT, TARGET } from "../../src/proxy/record.ts";
import { CONNECTING, ENDED, RELAYING } from "../../src/proxy/states.ts";
import { Bench, type Connection } from "./bench.ts";

const STEP_MS = 50;

/** Clients of three targets, on five addresses: one connection after the other, 20 a second. */
class Scene {
  readonly bench = new Bench({ connectTimeout: 60_000 }, { algorithm: "roundrobin" });
  /** What a target does with a connection that stands; by default it answers at once, and both close. */
  readonly does = new Map<string, (c: Connection) => void>();

  constructor() {
    this.bench.now = 1_000_000;
    for (const name of ["1", "2", "3"]) this.bench.target(name);
  }

  nameOf(c: Connection): string {
    return this.bench.pool.identity(c.row);
  }

  answer(c: Connection): void {
    c.bytes[TARGET]! += 5;
    c.heardAt = this.bench.now;
    if (c.bytes[TARGET] === 5) this.bench.lifecycle.observer.firstByte(c);
  }

  speak(c: Connection): void {
    c.bytes[CLIENT]! += 10;
    c.askedAt = this.bench.now;
  }

  serve(c: Connection): void {
    this.answer(c);
    this.bench.lifecycle.end(c, outcome(BY_TARGET, FIN), false);
  }

  /** A connection that asks at once. */
  open(): Connection {
    const c = this.bench.accept();
    c.dialing = false;
    this.bench.lifecycle.connected(c);
    this.speak(c);
    const does = this.does.get(this.nameOf(c));
    if (does === undefined) this.serve(c);
    else does(c);
    return c;
  }

  /** ms of such clients; each step may do more. */
  run(ms: number, step: () => void = () => {}, clients = true): void {
    for (const end = this.bench.now + ms; this.bench.now < end; ) {
      this.bench.now += STEP_MS;
      if (clients) this.open();
      step();
      if (this.bench.now % LOOK_MS === 0) this.bench.lifecycle.observer.look();
    }
  }

  state(name: string): string {
    const { state, failure } = this.bench.pool.view(name)!;
    return failure === null ? state : `${state} ${failure}`;
  }

  get isFine(): boolean {
    return ["1", "2", "3"].every((name) => this.state(name) === "up");
  }
}

const hang = (): void => {};

describe("what connections show of their targets", () => {
  it("that one of them answers nobody: few are sent there, it is out within three seconds, and back at once when it answers", () => {
    const scene = new Scene();
    scene.run(5_000);
    const hung: Connection[] = [];
    scene.does.set("1", (c) => hung.push(c));
    scene.run(3_000);
    assert.equal(scene.state("1"), "suspect silent");
    assert.ok(hung.length <= 8, `${hung.length} were sent there`);
    scene.does.delete("1");
    for (const c of hung) scene.serve(c);
    scene.run(LOOK_MS);
    assert.equal(scene.state("1"), "up");
  });

  it("that one of them answers nobody, though those who waited have left; one connection finds out that it works again", () => {
    const scene = new Scene();
    scene.run(5_000);
    const leaves = (c: Connection) => {
      c.due = scene.bench.now + 1_000;
    };
    scene.does.set("1", leaves);
    const leave = () => {
      for (const c of scene.bench.all) {
        if (c.state === RELAYING && c.due !== null && c.due <= scene.bench.now) {
          scene.bench.lifecycle.end(c, outcome(BY_CLIENT, RESET), true);
        }
      }
    };
    scene.run(5_000, leave);
    assert.equal(scene.state("1"), "suspect silent");
    scene.does.delete("1");
    scene.run(11_000, leave);
    assert.equal(scene.state("1"), "up");
  });

  it("and those that are being connected to it go on to others", () => {
    const scene = new Scene();
    scene.run(5_000);
    scene.does.set("1", hang);
    const dialling = Array.from({ length: 3 }, () => scene.bench.accept());
    const stuck = dialling.filter((c) => scene.nameOf(c) === "1");
    assert.equal(stuck.length, 1);
    scene.run(4_000);
    assert.equal(scene.state("1"), "suspect silent");
    assert.equal(stuck[0]!.state, CONNECTING);
    assert.notEqual(scene.nameOf(stuck[0]!), "1");
  });

  it("by a bounded number of those who wait at a look, and all of them in turn", () => {
    const scene = new Scene();
    for (const name of ["1", "2", "3"]) scene.does.set(name, hang);
    const { observer } = scene.bench.lifecycle;
    const wait = Array.from({ length: 2.5 * MOST_TOLD }, () => scene.open());
    observer.look();
    for (const [n, c] of wait.entries()) c.askedAt = n;
    const told = new Set<number>();
    const waits = (_row: number, _client: number, askedAt: number) => told.add(askedAt);
    for (let looks = 1; looks <= 3; looks++) {
      observer.tell({ waits } as never, scene.bench.now);
      assert.equal(told.size, Math.min(looks * MOST_TOLD, wait.length));
    }
  });

  it("that one of them answers nobody, while the balancer itself is stopped again and again", () => {
    const scene = new Scene();
    scene.run(5_000);
    let sent = 0;
    scene.does.set("1", () => void sent++);
    for (let n = 0; n < 10; n++) {
      scene.bench.now += 700;
      scene.run(500);
      if (n === 4) assert.equal(scene.state("1"), "suspect silent");
    }
    assert.ok(sent <= 12, `${sent} were sent there`);
    assert.ok(["2", "3"].every((name) => scene.state(name) === "up"));
  });

  const FINE: readonly [string, (scene: Scene) => void][] = [
    [
      "clients that never expect an answer",
      (scene) => {
        for (const name of ["1", "2", "3"]) scene.does.set(name, hang);
        scene.run(60_000);
      },
    ],
    [
      "such clients beside those that get one",
      (scene) => {
        let n = 0;
        const mixed = (c: Connection) => (++n % 2 === 0 ? scene.serve(c) : undefined);
        for (const name of ["1", "2", "3"]) scene.does.set(name, mixed);
        scene.run(60_000);
      },
    ],
    [
      "such clients where others get an answer now and then, once that is known",
      (scene) => {
        scene.run(5_000);
        for (let round = 0; round < 6; round++) {
          for (const name of ["1", "2", "3"]) scene.does.delete(name);
          scene.bench.now += STEP_MS;
          for (let n = 0; n < 9; n++) scene.open();
          for (const name of ["1", "2", "3"]) scene.does.set(name, hang);
          scene.bench.now += STEP_MS;
          for (let n = 0; n < 15; n++) scene.open();
          scene.run(10_000 - 2 * STEP_MS, hang, false);
          if (round > 2) assert.ok(scene.isFine, `round ${round}`);
        }
      },
    ],
    [
      "long polls, once they are known",
      (scene) => {
        const polls: Connection[] = [];
        for (const name of ["1", "2", "3"]) scene.does.set(name, (c) => void polls.push(c));
        const answerAll = () => {
          for (const c of polls.splice(0)) scene.serve(c);
        };
        for (let round = 0; round < 6; round++) {
          scene.bench.now += STEP_MS;
          // They come together, and nobody is answered for long; at first their target answers others meanwhile.
          for (let n = 0; n < 15; n++) scene.open();
          const others = () => {
            if (round > 0) return;
            for (const name of ["1", "2", "3"]) scene.does.delete(name);
            for (let n = 0; n < 3; n++) scene.open();
            for (const name of ["1", "2", "3"]) scene.does.set(name, (c) => void polls.push(c));
          };
          scene.run(20_000, others, false);
          assert.ok(scene.isFine, `round ${round}`);
          answerAll();
        }
      },
    ],
    [
      "slow answers after quick first bytes",
      (scene) => {
        scene.run(5_000);
        for (const name of ["1", "2", "3"]) scene.does.set(name, (c) => scene.answer(c));
        scene.run(1_000);
        for (const c of scene.bench.in(RELAYING)) scene.speak(c);
        scene.run(30_000, hang, false);
      },
    ],
    [
      "uploads",
      (scene) => {
        scene.run(5_000);
        for (const name of ["1", "2", "3"]) scene.does.set(name, hang);
        scene.run(500);
        const speak = () => {
          for (const c of scene.bench.in(RELAYING)) scene.speak(c);
        };
        scene.run(30_000, speak, false);
      },
    ],
    [
      "connections on which nobody has said anything yet",
      (scene) => {
        scene.run(5_000);
        const silent = (c: Connection) => void c.bytes.fill(0);
        for (const name of ["1", "2", "3"]) scene.does.set(name, silent);
        scene.run(1_000);
        scene.run(30_000, hang, false);
      },
    ],
    [
      "one client alone",
      (scene) => {
        scene.run(5_000);
        for (const name of ["1", "2", "3"]) scene.does.set(name, hang);
        for (let n = 0; n < 60; n++) {
          const c = scene.open();
          if (c.ticket % 5 !== 1) scene.bench.lifecycle.end(c, outcome(BY_CLIENT, FIN), false);
        }
        scene.run(30_000, hang, false);
      },
    ],
    [
      "a balancer that was stopped itself",
      (scene) => {
        scene.run(5_000);
        const waiting: Connection[] = [];
        for (const name of ["1", "2", "3"]) scene.does.set(name, (c) => void waiting.push(c));
        scene.run(450);
        scene.bench.now += 20_000;
        scene.run(2_000, hang, false); // it hears of the answers only now
        for (const c of waiting) scene.serve(c);
        scene.run(2_000, hang, false);
      },
    ],
    [
      "targets that end connections without a word",
      (scene) => {
        scene.run(5_000);
        const ends = (c: Connection) => scene.bench.lifecycle.end(c, outcome(BY_TARGET, FIN), false);
        for (const name of ["1", "2", "3"]) scene.does.set(name, ends);
        scene.run(10_000);
      },
    ],
  ];
  for (const [what, happens] of FINE) {
    it(`but nothing bad by ${what}`, () => {
      const scene = new Scene();
      happens(scene);
      assert.ok(scene.isFine, ["1", "2", "3"].map((name) => scene.state(name)).join(", "));
      if (!/once/.test(what)) assert.equal(scene.bench.pool.ejections().silent, 0, "not for a moment either");
    });
  }

  it("that one speaks first, and does not any more", () => {
    const scene = new Scene();
    const greets = (c: Connection) => {
      c.bytes[CLIENT] = 0;
      scene.serve(c);
    };
    for (const name of ["1", "2", "3"]) scene.does.set(name, greets);
    scene.run(5_000);
    scene.does.set("1", (c) => void c.bytes.fill(0));
    scene.run(4_000);
    assert.equal(scene.state("1"), "suspect silent");
  });

  it("is forgotten with the connection", () => {
    const scene = new Scene();
    scene.does.set("1", hang);
    scene.run(10_000);
    for (const c of scene.bench.in(RELAYING)) scene.bench.lifecycle.end(c, outcome(BY_CLIENT, FIN), false);
    while (scene.bench.lifecycle.observer.look()) scene.bench.now += LOOK_MS;
    assert.equal(scene.bench.in(ENDED).length, scene.bench.all.length);
    assert.equal(scene.bench.lifecycle.observer.isCurious, false);
  });
});
