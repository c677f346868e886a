/** Invited reporters on the wire: they join, come with their own key, and change it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Credentials } from "../../src/control/client/credentials.ts";
import { ClientSession } from "../../src/control/client/session.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { formatKeyBytes } from "../../src/control/keys/public-key.ts";
import { generateKeyPair, type KeyPair } from "../../src/control/protocol/x25519.ts";
import type { Invitation } from "../../src/control/server/handshake.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { CONTROL, KEY, leavesNothing, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";
const BALANCER = generateKeyPair();
const SECRET = Buffer.alloc(16, 9);
const { t: _, ...TARGET } = REPORT;

after(removeFolders);

/** A balancer that has invited bob, or another `guest`, and knows alice with this key. */
async function invitingWorld(alice: KeyPair, guest = "bob") {
  const reporters = join(temporaryFolder("own-keys"), "reporters");
  writeFileSync(reporters, `alice ${formatKeyBytes(alice.publicKey)}\n`, { mode: 0o600 });
  const keys = new Keys([KEY], null, hostEnvironment(), { reporters });
  const told: string[] = [];
  const invitation: Invitation = { id: "abcdefgh", secret: SECRET, name: guest, limits: {} };
  const world = await World.start({
    keys,
    identity: { keyPair: BALANCER },
    invitations: {
      find: (id) => (id === invitation.id ? invitation : undefined),
      redeem: (id, publicKey, host) => {
        told.push(`redeem ${id} ${formatKeyBytes(publicKey)} ${host}`);
        return Promise.resolve(guest);
      },
    },
    reporters: {
      rotate: (id, current, next) => {
        told.push(`rotate ${id} ${formatKeyBytes(current)} ${formatKeyBytes(next)}`);
        return Promise.resolve();
      },
      came: (id, publicKey) => {
        told.push(`came ${id} ${formatKeyBytes(publicKey)}`);
        return Promise.resolve();
      },
    },
  });
  const open = (credentials: Credentials) =>
    ClientSession.open(
      {
        runtime: world.network.from(A),
        to: CONTROL,
        tls: null,
        software: "test/1",
        clock: world.clock,
        wallClock: () => world.wall,
      },
      credentials,
      new AbortController().signal,
    );
  return { world, told, open };
}

const own = (keyPair: KeyPair, balancer = BALANCER): Credentials => ({
  name: "alice",
  keyPair,
  balancer: balancer.publicKey,
});
const invited = (keyPair: KeyPair, secret: Uint8Array = SECRET): Credentials => ({
  invitation: { id: "abcdefgh", secret },
  keyPair,
  balancer: BALANCER.publicKey,
  host: "server1",
});

describe("an invited reporter", () => {
  it("registers its target with its own key", async () => {
    const alice = generateKeyPair();
    const { world, told } = await invitingWorld(alice);
    const { client, story } = world.reporter(A, { key: () => own(alice) });
    client.start();
    await until("the registration", () => story().includes("registered"));
    assert.equal(world.pool.targets()[0]?.identity, `default/${A}:8080`);
    assert.deepEqual(told, [`came alice ${formatKeyBytes(alice.publicKey)}`]);
    await leavesNothing(world, client);
  });

  it("changes its key over a session with the present one", async () => {
    const alice = generateKeyPair();
    const { world, told, open } = await invitingWorld(alice);
    const session = await open(own(alice));
    const next = generateKeyPair().publicKey;
    const answer = await session.ask({ t: "rotate", key: Buffer.from(next).toString("base64") });
    assert.equal(answer.t, "ok");
    assert.equal(told[1], `rotate alice ${formatKeyBytes(alice.publicKey)} ${formatKeyBytes(next)}`);
    const short = await session.ask({ t: "rotate", key: "AAAA" });
    assert.ok(short.t === "reject" && short.code === "BAD_MESSAGE");
    await leavesNothing(world, session);
  });

  it("is told nothing but that its key is not accepted where it is another's, or means another balancer", async () => {
    const alice = generateKeyPair();
    const { world, open } = await invitingWorld(alice);
    const cases = [own(generateKeyPair()), own(alice, generateKeyPair())];
    for (const credentials of cases) {
      await assert.rejects(open(credentials), { code: "BAD_KEY", message: "the key is not accepted here" });
    }
    await leavesNothing(world);
  });
});

describe("a reporter that joins", () => {
  it("is entered once it is there, and hears its name; the session is over then", async () => {
    const bob = generateKeyPair();
    const { world, told, open } = await invitingWorld(generateKeyPair());
    const session = await open(invited(bob));
    assert.deepEqual(told, [], "a recorded hello enters nobody");
    const answer = await session.ask({ t: "join" });
    assert.ok(answer.t === "ok" && answer.name === "bob");
    assert.deepEqual(told, [`redeem abcdefgh ${formatKeyBytes(bob.publicKey)} server1`]);
    await session.ended;
    await leavesNothing(world, session);
  });

  it("can do nothing else with an invitation", async () => {
    const { world, told, open } = await invitingWorld(generateKeyPair());
    const session = await open(invited(generateKeyPair()));
    const answer = await session.ask({ t: "report", ...TARGET });
    assert.ok(answer.t === "reject" && answer.code === "FORBIDDEN");
    assert.deepEqual([told, world.pool.targets()], [[], []]);
    await leavesNothing(world, session);
  });

  it("takes no place of the reporter that is called as the invitation was, however often it comes", async () => {
    const alice = generateKeyPair();
    const { world, open } = await invitingWorld(alice, "alice");
    const session = await open(own(alice)); // has not said its first line yet
    const thief = generateKeyPair();
    const crowd = [];
    for (let n = 0; n < 40; n += 1) crowd.push(await open(invited(thief)));
    assert.equal((await session.ask({ t: "report", ...TARGET })).t, "ok");
    await leavesNothing(world, session, ...crowd);
  });

  it("needs the invitation's secret", async () => {
    const { world, open } = await invitingWorld(generateKeyPair());
    await assert.rejects(open(invited(generateKeyPair(), Buffer.alloc(16))), { code: "BAD_INVITATION" });
    await leavesNothing(world);
  });
});

describe("a holder of a shared key", () => {
  it("can neither join nor change a key", async () => {
    const { world, told, open } = await invitingWorld(generateKeyPair());
    for (const question of [{ t: "join" }, { t: "rotate", key: Buffer.alloc(32, 1).toString("base64") }] as const) {
      const session = await open(KEY);
      const answer = await session.ask(question);
      assert.ok(answer.t === "reject" && answer.code === "FORBIDDEN");
      await session.close();
    }
    assert.deepEqual(told, []);
    await leavesNothing(world);
  });
});

describe("a reporter whose clock is wrong", () => {
  it("registers as well, over one connection more", async () => {
    const world = await World.start();
    let connections = 0;
    world.network.connectFault = ({ port }) => {
      connections += port === CONTROL.port ? 1 : 0;
      return undefined;
    };
    const { client, story } = world.reporter(A, { wallClock: () => world.wall - 3_600_000 });
    client.start();
    await until("the registration", () => story().includes("registered"));
    assert.equal(connections, 2);
    assert.deepEqual(
      [story(), world.story.filter((each) => each.startsWith("rejected"))],
      [["connected", "registered"], []],
    );
    await leavesNothing(world, client);
  });

  it("that gets tickets without end does not come without end", async () => {
    const world = new World();
    let hellos = 0;
    const mean = await world.network.listen(CONTROL, async (connection) => {
      hellos += 1;
      await connection.read();
      const reject = { t: "reject", code: "CLOCK", reason: "again", retry: true, ticket: "AAAA" };
      await connection.write(Buffer.from(`${JSON.stringify(reject)}\n`));
      await connection.close();
    });
    const { client, story } = world.reporter(A);
    client.start();
    await until("a word of the reporter", () => story().length > 0);
    assert.equal(hellos, 2);
    assert.deepEqual(story(), ["rejected CLOCK"]);
    await client.close();
    await mean.close();
  });
});
