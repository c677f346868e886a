/** Hellos of reporters of every kind, honest or not, without a connection. */
import { parseKey, type SharedKey } from "../../src/control/keys/key.ts";
import {
  type Claim,
  type HandshakeKeys,
  type HelloPayload,
  handshakeOf,
  helloLine,
  pskOfInvitation,
  pskOfSecret,
  readAnswer,
} from "../../src/control/protocol/hello.ts";
import { Seal } from "../../src/control/protocol/seal.ts";
import { generateKeyPair } from "../../src/control/protocol/x25519.ts";
import { Doorkeeper, type DoorkeeperOptions, type Invitation } from "../../src/control/server/handshake.ts";
import { ManualClock } from "../support/clock.ts";

export const SECRET = "a-secret-of-the-tests";
export const SHARED = parseKey(`web:${SECRET}`, "test");
export const BALANCER = generateKeyPair();
export const REPORTER = generateKeyPair();
/** ms since 1970 when the tests' wall clocks begin. */
export const START = 1_700_000_000_000;
export const SEEN = { local: { host: "10.0.0.1", port: 1666 }, remote: { host: "10.0.0.2", port: 40_000 } };

export const OWN = { id: "alice", publicKey: REPORTER.publicKey, limits: {} };
const INVITATION: Invitation = { id: "abcdefgh", secret: Buffer.alloc(16, 7), name: "bob", limits: {} };

/** What each kind of reporter says in clear, and holds. */
export const KINDS: readonly { readonly claim: Claim; readonly keys: HandshakeKeys }[] = [
  { claim: { as: "key", id: "web" }, keys: { psk: pskOfSecret(SECRET) } },
  { claim: { as: "reporter" }, keys: { s: REPORTER, rs: BALANCER.publicKey } },
  {
    claim: { as: "join", id: INVITATION.id },
    keys: { psk: pskOfInvitation(INVITATION.secret), s: REPORTER, rs: BALANCER.publicKey },
  },
];

/** A doorkeeper that lets all of them in, and its clocks. */
export class Door {
  readonly clock = new ManualClock();
  /** ms by which the wall clock was put forward. */
  putForward = 0;
  readonly keeper: Doorkeeper;

  constructor(options: Partial<DoorkeeperOptions> = {}, shared: SharedKey = SHARED) {
    this.keeper = new Doorkeeper({
      keys: {
        find: (id) => [shared, OWN].find((key) => key.id === id),
        findByPublicKey: (publicKey) => (Buffer.compare(publicKey, OWN.publicKey) === 0 ? OWN : undefined),
        isRevoked: () => false,
      },
      identity: () => BALANCER,
      invitations: { find: (id) => (id === INVITATION.id ? INVITATION : undefined) },
      clock: this.clock,
      wallClock: () => this.wall,
      ...options,
    });
  }

  get wall(): number {
    return START + this.clock.now() + this.putForward;
  }

  /** What becomes of a hello that is made and judged now. */
  meet({ claim, keys }: { claim: Claim; keys: HandshakeKeys }, payload: Partial<HelloPayload> = {}) {
    const handshake = handshakeOf(claim, "initiator", keys);
    const line = helloLine(claim, handshake, { ...this.payload(), ...payload });
    const judgement = this.judge(line);
    const finish = (answer: string) => {
      const message = readAnswer(Buffer.from(answer));
      if (!(message instanceof Uint8Array)) throw new Error(`refused: ${answer}`);
      const body: unknown = JSON.parse(handshake.read(message).toString());
      return { body, seal: new Seal(handshake.split()) };
    };
    return { line, judgement, finish };
  }

  judge(line: string | Uint8Array, seen = SEEN) {
    return this.keeper.judge(Buffer.from(line), seen);
  }

  payload(): HelloPayload {
    return { time: this.wall, software: "test/1", local: "10.0.0.2:40000", remote: "10.0.0.1:1666" };
  }
}
