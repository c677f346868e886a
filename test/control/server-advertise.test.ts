/** A reporter that names another address than its own for its target. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine, type SharedKey } from "../../src/control/keys/key.ts";
import { ADVERTISER, BALANCER, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const ELSEWHERE = "192.168.7.7";
/** A name that resolves to these. */
const NAME = "inside.example";

const keyWith = (words: string) => parseKeyLine(`web:${SECRET} ${words}`, "test");

interface Attempt {
  readonly advertise: string;
  readonly key?: SharedKey;
  readonly seen?: string;
  /** What the resolver says of any name. */
  readonly names?: readonly string[];
}

/** What became of it: the code of the refusal, or where the target is. */
async function attempt({ advertise, key = ADVERTISER, seen = A, names }: Attempt) {
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return names ?? [host];
  };
  const world = await World.start({ resolve }, [key]);
  const raw = await world.raw(seen);
  const answer = await raw.ask({ ...REPORT, advertise });
  const [target] = world.pool.targets();
  const host = target && "host" in target.address ? target.address.host : undefined;
  await leavesNothing(world, raw);
  const refusal = answer?.t === "reject" ? answer : null;
  return { code: refusal?.code, reason: refusal?.reason ?? "", host, asked };
}

describe("an advertised address", () => {
  it("is refused without a word of the key for it, and no resolver is asked", async () => {
    for (const advertise of [ELSEWHERE, A, NAME]) {
      const { code, reason, host, asked } = await attempt({ advertise, key: keyWith("from=0.0.0.0/0") });
      assert.deepEqual([code, host, asked], ["FORBIDDEN", undefined, []]);
      assert.match(reason, /key "web" may not advertise .* needs advertise=/);
    }
  });

  it("is dialled where the key allows it", async () => {
    const { host } = await attempt({ advertise: ELSEWHERE, key: keyWith("advertise=192.168.0.0/16") });
    assert.equal(host, ELSEWHERE);
  });

  for (const [words, advertise, allowed] of [
    ["advertise=192.168.0.0/16", "192.169.0.1", false],
    ["advertise=192.168.0.0/16", "::ffff:192.168.1.1", true],
    ["advertise=192.168.0.0/16", "::ffff:192.169.0.1", false],
    ["advertise=192.168.0.0/16", "64:ff9b::192.168.1.1", true],
    ["advertise=192.168.0.0/16", "64:ff9b::192.169.0.1", false],
    ["advertise=::/0", "64:ff9b::192.169.0.1", false],
    ["advertise=64:ff9b::/96", "64:ff9b::192.169.0.1", true],
    ["advertise=64:ff9b::/32", "64:ff9b::192.169.0.1", false],
    ["advertise=2000::/3", "2002:c0a9:1::1", false],
    ["advertise=2002:c0a9::/32", "2002:c0a9:1::1", true],
    ["advertise=2000::/3", "2001:db8::1", true],
    ["advertise=fd00::/8", "2001:db8::1", false],
  ] as const) {
    it(`${advertise} is ${allowed ? "allowed" : "forbidden"} by a key with ${words}`, async () => {
      const { code, host } = await attempt({ advertise, key: keyWith(words) });
      assert.deepEqual([code, host !== undefined], [allowed ? undefined : "FORBIDDEN", allowed]);
    });
  }

  for (const advertise of [
    ...["127.0.0.1", "::1", "::1%lo", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1", "0.0.0.0"],
    ...["169.254.169.254", "fe80::2%eth0", "255.255.255.255", "224.0.0.1", "ff02::1", BALANCER, `::ffff:${BALANCER}`],
  ]) {
    it(`${advertise} is refused from afar, though the key allows any`, async () => {
      const { code, host } = await attempt({
        advertise,
        key: keyWith("advertise=0.0.0.0/0,::/0,127.0.0.0/8,::1,::/96,64:ff9b::/96,2002::/16"),
      });
      assert.deepEqual([code, host], ["BAD_ADDRESS", undefined]);
    });
  }

  for (const [seen, advertise, code] of [
    ["127.0.0.1", "127.0.0.2", "FORBIDDEN"],
    ["127.0.0.1", "::1", "FORBIDDEN"],
    ["::1", "::ffff:127.0.0.1", "FORBIDDEN"],
    [BALANCER, "127.0.0.1", "FORBIDDEN"],
    ["127.0.0.1", BALANCER, undefined],
    ["127.0.0.1", "169.254.169.254", "BAD_ADDRESS"],
    ["127.0.0.1", "0.0.0.0", "BAD_ADDRESS"],
  ] as const) {
    it(`${advertise} from a reporter on this host, at ${seen}, is ${code ?? "allowed"} where the key allows any`, async () => {
      assert.equal((await attempt({ advertise, seen })).code, code);
    });
  }

  for (const [seen, advertise] of [
    ["127.0.0.1", "127.0.0.2"],
    ["::1", "::1"],
    [BALANCER, "127.0.0.1"],
  ] as const) {
    it(`${advertise} from a reporter at ${seen} is allowed where the key names loopback`, async () => {
      const key = keyWith("advertise=0.0.0.0/0,127.0.0.0/8,::1");
      assert.equal((await attempt({ advertise, seen, key })).code, undefined);
    });
  }

  it("of this host needs a key that allows it, too", async () => {
    const { code } = await attempt({ advertise: "127.0.0.1", seen: "127.0.0.1", key: keyWith("advertise=10.0.0.0/8") });
    assert.equal(code, "FORBIDDEN");
  });
});

describe("an advertised name", () => {
  it("is dialled at the first of its addresses, all of which are allowed", async () => {
    const { host, asked } = await attempt({ advertise: NAME, names: [ELSEWHERE, "192.168.7.8", "fd00::7"] });
    assert.deepEqual([host, asked], [ELSEWHERE, [NAME]]);
  });

  for (const [what, names, code] of [
    ["loopback after a good one", [ELSEWHERE, "127.0.0.1"], "BAD_ADDRESS"],
    ["loopback before a good one", ["::1", ELSEWHERE], "BAD_ADDRESS"],
    ["the metadata of a cloud", ["169.254.169.254"], "BAD_ADDRESS"],
    ["the balancer's own host", [ELSEWHERE, `::ffff:${BALANCER}`], "BAD_ADDRESS"],
    ["a translated loopback address", ["64:ff9b::7f00:1"], "BAD_ADDRESS"],
    ["an address that the key does not allow", [ELSEWHERE, "10.9.9.9"], "FORBIDDEN"],
    ["what is no address", ["2130706433"], "FORBIDDEN"],
  ] as const) {
    it(`is refused when it resolves to ${what}`, async () => {
      const key = keyWith("advertise=192.168.0.0/16,127.0.0.0/8,::1,169.254.0.0/16,10.0.0.0/30");
      const refused = await attempt({ advertise: NAME, names, key });
      assert.deepEqual([refused.code, refused.host], [code, undefined]);
    });
  }

  it("is judged anew at each report: where it points elsewhere, its target is out", async () => {
    let names = [ELSEWHERE];
    const world = await World.start({ resolve: async () => names }, [keyWith("advertise=192.168.0.0/16,127.0.0.1")]);
    const raw = await world.raw(A);
    assert.equal((await raw.ask({ ...REPORT, advertise: NAME }))?.t, "ok");
    names = ["127.0.0.1"];
    const answer = await raw.ask({ ...REPORT, advertise: NAME });
    assert.ok(answer?.t === "reject" && answer.code === "BAD_ADDRESS" && !answer.retry);
    assert.deepEqual(world.pool.targets(), []);
    await leavesNothing(world, raw);
  });

  it("is what the reporter says and no address: the pool holds the address that was judged", async () => {
    const world = await World.start({ resolve: async () => ["::ffff:192.168.7.7"] }, [ADVERTISER]);
    const raw = await world.raw(A);
    await raw.ask({ ...REPORT, advertise: NAME });
    assert.deepEqual(world.pool.targets()[0]?.address, { host: ELSEWHERE, port: 8080 });
    await leavesNothing(world, raw);
  });
});
