/** What a reporter's agent port says, as whoever asks it reads that. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { AgentServer, agentLine } from "../../src/app/agent-server.ts";
import { Reporter } from "../../src/app/reporter.ts";
import { clientSettings } from "../../src/config/library.ts";
import { afterWord, parseAgentWord, saidByAgent, UNSAID } from "../../src/targets/health/agent-word.ts";
import fc from "../support/draws.ts";
import { dial, endServers } from "../support/peers.ts";
import { freePort, LOOPBACK } from "../support/ports.ts";

after(endServers);

const now = fc.record({
  health: fc.constantFrom("up" as const, "down" as const),
  reason: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
  weight: fc.integer({ min: 0, max: 1_000_000 }),
  drain: fc.boolean(),
});
const maxConnections = fc.integer({ min: 0, max: 16_777_215 });

describe("the line of an agent port", () => {
  it("is one, and says what the reporter says, whatever was said before", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(now, maxConnections), { minLength: 1 }), (all) => {
        let state = UNSAID;
        for (const [each, maxConnections] of all) {
          const line = agentLine(each, { balance: 1_000_000, maxConnections });
          assert.match(line, /^[\x20-\x7e]+$/);
          state = afterWord(state, parseAgentWord(line)!);
          assert.equal(saidByAgent(state), each.health === "down" ? "down" : each.drain ? "draining" : "up");
          if (each.health === "down") continue;
          assert.equal(state.percent, Math.round(each.weight / 10_000));
          if (maxConnections > 0) assert.equal(state.maxConnections, maxConnections);
        }
      }),
    );
  });

  it("has the weight in percent of the target's own, and says why it is down", () => {
    const target = { balance: 500, maxConnections: 0 };
    const up = { health: "up", weight: 500, drain: false } as const;
    assert.equal(agentLine(up, target), "ready up 100%");
    assert.equal(agentLine({ ...up, weight: 250 }, { ...target, maxConnections: 9 }), "ready up 50% maxconn:9");
    assert.equal(agentLine({ ...up, weight: 0 }, { ...target, balance: 0 }), "ready up 0%");
    assert.equal(agentLine({ ...up, drain: true }, target), "drain up 100%");
    assert.equal(agentLine({ ...up, health: "down", reason: "it\nfails" }, target), "ready down #it?fails");
    assert.equal(agentLine({ ...up, health: "down", reason: "gone", drain: true }, target), "drain down #gone");
  });

  it("says that a server is down which is asleep, or has not started: whoever asks agents cannot have it started", async () => {
    const reporter = new Reporter({
      ...clientSettings({ listenport: 8080, insecure: true }),
      onDemand: true,
      balancers: [],
    });
    const line = () => agentLine(reporter.now(0), { balance: 500, maxConnections: 0 });
    assert.equal(line(), "ready down #asleep: it starts when somebody waits at a balancer of Harmony's");
    reporter.becomes("up");
    assert.equal(line(), "ready up 100%");
    reporter.becomes("resting");
    assert.equal(line(), "drain up 100%");
    reporter.becomes({ failed: "it has crashed" });
    assert.equal(line(), "ready down #it has crashed");
    await reporter.close();
  });
});

describe("an agent port", () => {
  it("answers whoever comes, however many hold their connections", async () => {
    const port = await freePort();
    const [target] = clientSettings({ listenport: 8080, insecure: true }).targets;
    const targets = [{ ...target!, agentPort: [{ host: LOOPBACK, port }] }];
    const server = await AgentServer.open({ targets }, assert.fail);
    const answers = new Set<string>();
    for (let held = 0; held < 80; held += 1) {
      const said = await dial(port).then(
        (connection) => connection.read(),
        () => null,
      );
      answers.add(Buffer.from(said ?? "none").toString());
    }
    await server.close();
    assert.deepEqual([...answers], ["ready down #the server that the reporter runs accepts no connections yet\n"]);
  });
});
