/**
 * A balancer's control channel, whole, among reporters and strangers that say anything in any order: nothing of its own fails, nothing
 * is registered that the keys which were proved do not allow, and nothing is left when everybody has gone.
 */
import assert from "node:assert/strict";
import { parseKeyLine } from "../../../src/control/keys/key.ts";
import { NoiseError } from "../../../src/control/protocol/noise-error.ts";
import { NetError } from "../../../src/net/net-error.ts";
import { type Ip, parseIp } from "../../../src/util/address.ts";
import { facesOf } from "../../../src/util/embedded-ipv4.ts";
import { HarmonyError } from "../../../src/util/errors.ts";
import { FakeServices, poolOf } from "../../control/fake-services.ts";
import { leavesNothing, type RawReporter, REPORT, SECRET, World } from "../../control/harness.ts";
import fc from "../../support/draws.ts";
import { settle, within } from "../../support/wait.ts";
import { asyncCorpus, type Corpus } from "../corpus.ts";
import { bytesOf, mutation, otherFields } from "../mutations.ts";

/** The last one is not the balancer's. */
const KEYS = [
  `web:${SECRET} pool=default port=8080-8099 max-weight=600 listen=8000 targets=2 sessions=2`,
  `db:${SECRET}-2 port=9000-9099 advertise=10.1.0.0/16,127.0.0.0/8 listen=5000-5009 options=algorithm new-targets=3`,
  `web:${SECRET}-of-somebody-else`,
].map((line) => parseKeyLine(line, "test"));
const HOSTS = ["10.0.0.2", "10.0.0.3"];
const ADVERTISED = [
  "10.1.0.9",
  "10.2.0.9",
  "127.0.0.1",
  "169.254.169.254",
  "::ffff:10.1.0.7",
  "64:ff9b::a01:5",
  "10.0.0.1",
  "localhost",
];

/** The address that is allowed of a name whose other address is not. */
const HALF_ALLOWED = "10.1.0.5";

type Step =
  | { readonly do: "connect"; readonly host: number }
  | {
      readonly do: "hello";
      readonly who: number;
      readonly key: number;
      readonly how: ((line: string) => string) | null;
    }
  | { readonly do: "say"; readonly who: number; readonly body: object; readonly how: ((line: string) => string) | null }
  | { readonly do: "again"; readonly who: number; readonly which: number }
  | { readonly do: "bytes"; readonly who: number; readonly text: string }
  | { readonly do: "finish" | "abort"; readonly who: number }
  | { readonly do: "wait"; readonly ms: number };

const who = fc.nat(3);
/** One line of four is changed. */
const how = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, mutation(["\n", "\r\n", "=", '"', "\0"]));
const report = fc
  .record({
    id: fc.constantFrom(undefined, "a", "b"),
    ref: fc.constantFrom(undefined, 0, 1, 999),
    port: fc.constantFrom(8080, 8099, 9000, 9000, 9099, 80),
    pool: fc.constantFrom("default", "default", "default", "other"),
    listen: fc.constantFrom(undefined, undefined, undefined, 5000, 5009, 5010, 8000),
    options: fc.constantFrom(undefined, undefined, { algorithm: "random" }, { queue: "5" }),
    weight: fc.constantFrom(0, 500, 500, 601),
    advertise: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, fc.constantFrom(...ADVERTISED, "name")),
    drain: fc.boolean(),
  })
  .map((fields) => ({ ...REPORT, ...fields }));
const body = fc.oneof(
  { weight: 3, arbitrary: report },
  report.chain((one) => otherFields({ ...one, n: 1, made: 0 })),
  otherFields({ t: "leave", n: 1, ref: 0 }),
  otherFields({ t: "rotate", n: 1, key: Buffer.alloc(32, 9).toString("base64") }),
  otherFields({ t: "join", n: 1 }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("connect" as const), host: fc.nat(HOSTS.length - 1) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("hello" as const),
      who,
      key: fc.nat(KEYS.length - 1),
      how,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("say" as const), who, body, how }) },
  fc.record({ do: fc.constant("again" as const), who, which: fc.nat(9) }),
  fc.record({ do: fc.constant("bytes" as const), who, text: fc.string({ maxLength: 40 }) }),
  fc.record({ do: fc.constantFrom("finish" as const, "abort" as const), who }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(10, 500, 1_000, 6_000, 61_000) }),
);

interface Talker {
  readonly raw: RawReporter;
  readonly host: string;
  open: boolean;
}

class Scene {
  readonly world: World;
  readonly services: FakeServices;
  readonly talkers: Talker[] = [];
  /** Lines that were sent, for anybody to send again. */
  readonly lines: string[] = [];

  constructor(world: World, services: FakeServices) {
    this.world = world;
    this.services = services;
  }

  async take(each: Step): Promise<void> {
    if (each.do === "wait") return this.world.pass(each.ms);
    if (each.do === "connect") {
      const host = HOSTS[each.host]!;
      this.talkers.push({ raw: await this.world.connect(host), host, open: true });
      return;
    }
    const talker = this.talkers[each.who % (this.talkers.length || 1)];
    if (!talker?.open) return;
    try {
      await this.#talk(talker, each);
    } catch (error) {
      // The balancer has closed the connection, or has answered another hello than the last one.
      if (![NetError, HarmonyError, NoiseError].some((kind) => error instanceof kind)) throw error;
      talker.open = false;
      talker.raw.channel.connection.abort();
    }
  }

  async #talk(talker: Talker, each: Exclude<Step, { do: "wait" | "connect" }>): Promise<void> {
    const { raw } = talker;
    if (each.do === "hello") await this.#hello(raw, each);
    else if (each.do === "say") await this.#say(raw, each);
    else if (each.do === "again") await raw.channel.send(this.lines[each.which % (this.lines.length || 1)] ?? "");
    else if (each.do === "bytes") await raw.channel.connection.write(bytesOf(each.text));
    else {
      talker.open = false;
      if (each.do === "finish") await raw.channel.connection.closeWrite();
      else raw.channel.connection.abort();
    }
    await settle(4);
  }

  async #hello(raw: RawReporter, { key, how }: Step & { do: "hello" }): Promise<void> {
    if (how !== null) {
      const line = how(raw.hello(KEYS[key]!).line);
      this.lines.push(line);
      await raw.channel.send(line);
    } else if (raw.seal === null) await within("an answer to a hello", raw.handshake(KEYS[key]!));
  }

  async #say(raw: RawReporter, { body, how }: Step & { do: "say" }): Promise<void> {
    if (raw.seal === null) return;
    if (how === null) return raw.tell(body);
    const line = how(raw.seal.seal({ n: 1, made: 0, ...body }));
    this.lines.push(line);
    await raw.channel.send(line);
  }
}

/** An IPv4 address inside an IPv6 one is where the translation leads. */
function isIn10_1(ip: Ip): boolean {
  return ip.toString().startsWith("10.1.");
}

/** What KEYS allow, whoever has proved them; a stranger has no target. */
function assertAllowed({ world, services }: Scene): void {
  for (const each of services.brought) {
    assert.ok(/^default 8000$|^\w+ 500[0-9]$/.test(each), `the service ${each} is allowed by no key`);
  }
  const targets = [...services.pools.values()].flatMap((pool) => pool.targets());
  for (const { identity, address, weight } of targets) {
    assert.ok("host" in address, `${identity} has an address`);
    const { host, port } = address;
    const isWeb = port >= 8080 && port <= 8099 && weight <= 600 && HOSTS.includes(host);
    const isDb =
      port >= 9000 &&
      port <= 9099 &&
      (HOSTS.includes(host) || (facesOf(parseIp(host)!).some(isIn10_1) && host !== HALF_ALLOWED));
    assert.ok(isWeb || isDb, `${identity} at ${host}:${port} with weight ${weight} is allowed by no key`);
  }
  assert.deepEqual(
    world.story.filter((line) => line === "rejected INTERNAL"),
    [],
  );
}

export const sessions: Corpus = asyncCorpus("sessions", fc.array(step, { maxLength: 30 }), async (steps) => {
  const resolve = async (host: string) =>
    host === "name" ? [HALF_ALLOWED, "10.2.0.5"] : host === "localhost" ? ["127.0.0.1"] : [host];
  const services = new FakeServices([poolOf("default")]);
  const scene = new Scene(await World.start({ resolve, services, pools: services.pools }, KEYS.slice(0, 2)), services);
  const { world } = scene;
  for (const each of [{ do: "connect", host: 0 } as const, ...steps]) {
    await scene.take(each);
    assertAllowed(scene);
  }
  for (const { raw } of scene.talkers) raw.channel.connection.abort();
  await within("the balancer's end", leavesNothing(world));
  assert.ok(world.events.length <= 10 * (steps.length + 1), "no step makes more than some words in the log");
  return steps.length;
});
