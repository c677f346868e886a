import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import { NetError } from "../../../src/net/net-error.ts";
import type { UnavailableError, UnavailableSocket } from "../../../src/proxy/unavailable.ts";
import { closedAddress } from "../../support/ports.ts";
import { ending, readText } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, UNAVAILABLE } from "../lab.ts";

export function unavailable(host: Host): void {
  it("delivers the text when there is no target", () =>
    inLab(host, {}, async (lab) => {
      const client = await lab.client();
      const { local } = client; // it is gone with the socket
      assert.equal(await readText(client), UNAVAILABLE);
      await client.close();
      const [record] = await lab.recorded(1);
      const { client: address, target, phase, endedBy, cause, bytesIn, bytesOut, connectMs, requeues } = record!;
      assert.deepEqual(
        { address, target, phase, endedBy, cause, bytesIn, bytesOut, connectMs, requeues },
        {
          address: local,
          target: null,
          phase: "unavailable",
          endedBy: "balancer",
          cause: "no-targets",
          bytesIn: 0,
          bytesOut: UNAVAILABLE.length,
          connectMs: null,
          requeues: 0,
        },
      );
    }));

  it("delivers it whole to a client that is still sending", () => {
    // More than a client's kernel holds before it is read: what is still to be sent when a reset goes out is lost.
    const text = Buffer.alloc(1_000_000, "unavailable ");
    return inLab(host, { unavailable: text }, async (lab) => {
      for (let i = 0; i < 10; i++) {
        const client = await lab.client();
        const upload = client.write(Buffer.alloc(2_000_000, "x")).then(() => client.closeWrite());
        assert.equal(await readText(client), text.toString());
        await upload;
        await client.close();
      }
      await lab.recorded(10);
    });
  });

  it("stops reading from a client that never stops sending", () =>
    inLab(host, {}, async (lab) => {
      const client = await lab.client();
      const block = Buffer.alloc(65_536, "x");
      let sent = 0;
      const flood = (async () => {
        for (; sent < 256 * 1024 * 1024; sent += block.length) await client.write(block);
        return "all taken";
      })().catch(() => "cut off");
      await lab.recorded(1);
      assert.equal(await flood, "cut off");
    }));

  it("just closes when there is nothing to say", () =>
    inLab(host, { unavailable: null }, async (lab) => {
      const client = await lab.client();
      assert.equal(await readText(client), "");
      assert.equal((await lab.recorded(1))[0]!.cause, "no-targets");
    }));

  it("calls a function with the error and a socket, and ends the socket after its writes", () => {
    const calls: { error: UnavailableError; socket: UnavailableSocket }[] = [];
    const handler = (error: UnavailableError, socket: UnavailableSocket) => {
      calls.push({ error, socket });
      socket.write("Unavailable, ");
      socket.write("holmes.");
    };
    return inLab(host, { unavailable: handler }, async (lab) => {
      assert.equal(await lab.ask(), UNAVAILABLE);
      assert.equal(calls.length, 1);
      const { error, socket } = calls[0]!;
      assert.ok(error instanceof Error);
      assert.deepEqual([error.name, error.code], ["UnavailableError", "no-targets"]);
      const [record] = await lab.recorded(1);
      assert.deepEqual([socket.remoteAddress, socket.remotePort], [record!.client.host, record!.client.port]);
      assert.deepEqual([record!.phase, record!.cause], ["unavailable", "no-targets"]);
      assert.deepEqual([record!.bytesIn, record!.bytesOut], [0, UNAVAILABLE.length]);
    });
  });

  it("gives a function the last connect failure as the cause", () => {
    const causes: unknown[] = [];
    const handler = ({ code, cause }: UnavailableError) => void causes.push(code, cause);
    return inLab(host, { unavailable: handler }, async (lab) => {
      const dead = await closedAddress(host.runtime);
      lab.announce("dead", dead);
      assert.equal(await lab.ask(), "");
      const [code, cause] = causes as [string, NetError];
      assert.equal(code, "connect-failed");
      assert.ok(cause instanceof NetError, String(cause));
      assert.equal(cause.code, "ECONNREFUSED");
      assert.match(cause.message, new RegExp(`${dead.host}:${dead.port}`));
    });
  });

  it("gives a function no cause when nothing was tried", () => {
    const causes: unknown[] = [];
    const handler = (error: UnavailableError) => void causes.push(error.cause);
    return inLab(host, { unavailable: handler }, async (lab) => {
      assert.equal(await lab.ask(), "");
      assert.deepEqual(causes, [undefined]);
    });
  });

  it("waits for a function's promise, and gives it what the client says", () => {
    const handler = (_error: UnavailableError, socket: UnavailableSocket) => {
      const parts: Buffer[] = [];
      socket.on("data", (part: Buffer) => parts.push(part));
      return new Promise<void>((resolve) => {
        socket.on("end", () => {
          socket.end(`no ${Buffer.concat(parts)}`);
          resolve();
        });
      });
    };
    return inLab(host, { unavailable: handler }, async (lab) => {
      const client = await lab.client();
      await client.write(Buffer.from("tea"));
      await client.closeWrite();
      assert.equal(await readText(client), "no tea");
      await lab.recorded(1);
    });
  });

  for (const [how, handler] of [
    ["throws", () => fail()],
    ["rejects", async () => fail()],
  ] as const) {
    it(`warns of a function that ${how}, and drops its client`, () =>
      inLab(host, { unavailable: handler }, async (lab) => {
        await lab.client().then(ending, () => "dropped before the runtime had it open");
        await lab.recorded(1);
        await until("the warning", () => lab.warnings.length > 0);
        const warnings = lab.warnings.splice(0);
        assert.equal(warnings.length, 1);
        assert.match(warnings[0]!, /unavailable/);
      }));
  }

  it("tells a function whose client leaves while it writes, and goes on", () => {
    let called = false;
    let ended = false;
    const handler = async (_error: UnavailableError, socket: UnavailableSocket) => {
      called = true;
      await until("the client's end", () => {
        socket.write(Buffer.alloc(10_000));
        return socket.destroyed;
      });
      ended = true;
    };
    return inLab(host, { unavailable: handler }, async (lab) => {
      const client = await lab.client();
      await until("the handler's call", () => called);
      client.abort();
      await until("the socket's end", () => ended);
      await lab.recorded(1);
    });
  });
}

function fail(): never {
  throw new Error("the handler's own fault");
}
