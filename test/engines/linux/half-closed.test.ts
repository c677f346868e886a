/** A target that finishes first and reads on, on the kernel of this machine: it loses nothing by resets. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import { thisHost } from "../host.ts";
import { inLab } from "../lab.ts";

const skip = (await linux.test({ listen: [] })) ?? false;
/** Far more than a socket's buffers hold. */
const UPLOAD = 3_000_000;

/** Says that it has no more to say, and reads to the end. Settles with how many bytes there were, or the error's code. */
async function readOn(connection: Connection): Promise<number | string> {
  await connection.closeWrite();
  let count = 0;
  try {
    for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) count += bytes.length;
    return count;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await connection.close();
  }
}

describe("linux engine, a target that finishes first", { skip }, () => {
  for (const close of ["fin", "reset"] as const) {
    it(`gets all that the client sends after that with close = ${close}`, () =>
      inLab(thisHost(linux), { sockets: { close } }, async (lab) => {
        let got: Promise<number | string> | undefined;
        await lab.target("t", async (connection) => {
          got = readOn(connection);
          await got;
        });
        const client = await lab.client();
        assert.equal(await client.read(), null);
        await client.write(new Uint8Array(UPLOAD));
        await client.close();
        await lab.recorded(1);
        assert.equal(await got, UPLOAD);
      }));
  }

  it("is left by a reset if the client sends nothing more", () =>
    inLab(thisHost(linux), { sockets: { close: "reset" } }, async (lab) => {
      let got: Promise<number | string> | undefined;
      await lab.target("t", async (connection) => {
        got = readOn(connection);
        await got;
      });
      const client = await lab.client();
      assert.equal(await client.read(), null);
      await client.close();
      const [record] = await lab.recorded(1);
      assert.deepEqual([record?.endedBy, record?.cause], ["target", "fin"]);
      assert.equal(await got, "ECONNRESET");
    }));
});
