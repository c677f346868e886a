/** Listening on Unix sockets. What happens to their files is a network in memory's to leave out. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Address, Connection, Listener, Runtime, UnixListenAddress } from "../../src/net/runtime.ts";
import { deferred } from "../../src/util/deferred.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { readAll, readText, show, text } from "../support/stream.ts";
import { within } from "../support/wait.ts";

const ignore = (connection: Connection): void => connection.abort();
const ASIS = { mode: null, owner: null, group: null };
const isRoot = process.getuid?.() === 0;

export function unixSuite(runtime: Runtime): void {
  const skip = runtime.can.unix && process.platform !== "win32" ? false : "no Unix sockets there";
  const noFiles = skip || (runtime.name === "memory" ? "its Unix sockets are no files" : false);

  const place = (name = "a.sock"): UnixListenAddress => ({ path: join(temporaryFolder("unix"), name), ...ASIS });
  const greet = async (connection: Connection): Promise<void> => {
    await connection.write(text("hello")).catch(() => undefined); // to somebody who only looks whether it is served
    await connection.close();
  };
  const listen = (where: UnixListenAddress, onConnection = ignore): Promise<Listener<Address>> =>
    runtime.listenOn(where, {}, onConnection);
  const isServed = async ({ path }: UnixListenAddress): Promise<boolean> => {
    const client = await within("connecting", runtime.connect({ to: { path } }));
    return (await readText(client)) === "hello";
  };
  const refusal = (code: string, message: RegExp) => (error: Error & { code: string }) => {
    assert.equal(error.name, "NetError");
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

  describe("listening on a Unix socket", { skip }, () => {
    after(removeFolders);

    it("carries bytes and FIN both ways, between ends without addresses", async () => {
      const where = place();
      const accepted = deferred<Connection>();
      const listener = await listen(where, accepted.resolve);
      assert.deepEqual({ ...listener.address }, { path: where.path });
      const client = await within("connecting", runtime.connect({ to: { path: where.path } }));
      const server = await within("its acceptance", accepted.promise);
      assert.deepEqual([{ ...server.remote }, { ...client.remote }], Array(2).fill({ host: "", port: 0 }));
      await client.write(text("question"));
      await client.closeWrite();
      assert.equal(show(await readAll(server)), "question");
      await server.write(text("answer"));
      await server.close();
      assert.equal(show(await readAll(client)), "answer");
      await client.close();
      await listener.close();
    });

    it("hands over connections to be relayed", async () => {
      const front = place();
      const back = place();
      const target = await listen(back, async (connection) => {
        await connection.write(await readAll(connection));
        await connection.close();
      });
      const balancer = await listen(front, async (client) => {
        const server = await runtime.connect({ to: { path: back.path } });
        await runtime.relay(client, server, { aToB: 0, bToA: 0 });
      });
      const client = await runtime.connect({ to: { path: front.path } });
      await client.write(text("there and back"));
      await client.closeWrite();
      assert.equal(show(await readAll(client)), "there and back");
      for (const each of [client, balancer, target]) await each.close();
    });

    it("is refused where somebody listens already", async () => {
      const where = place();
      const listener = await listen(where, (connection) => void greet(connection));
      await assert.rejects(listen(where), refusal("EADDRINUSE", /cannot listen on unix:.*a\.sock: .*in use/));
      assert.ok(await isServed(where), "the first one goes on");
      await listener.close();
    });

    it("closes for good, more than once, and leaves connections alone", async () => {
      const where = place();
      const accepted = deferred<Connection>();
      const listener = await listen(where, accepted.resolve);
      const client = await runtime.connect({ to: { path: where.path } });
      const server = await within("its acceptance", accepted.promise);
      await within("close", Promise.all([listener.close(), listener.close()]));
      await assert.rejects(runtime.connect({ to: { path: where.path } }), { name: "NetError", code: "ENOENT" });
      await server.write(text("still here"));
      await server.close();
      assert.equal(show(await readAll(client)), "still here");
      const again = await listen(where);
      await again.close();
    });
  });

  describe("the file of a Unix socket", { skip: noFiles }, () => {
    after(removeFolders);
    const folderOf = ({ path }: UnixListenAddress) => readdirSync(join(path, ".."));

    it("has its mode from the start, and is the only one that listening leaves", async () => {
      const where = { ...place(), mode: 0o620 };
      const listener = await listen(where);
      assert.equal((lstatSync(where.path).mode & 0o777).toString(8), "620");
      assert.deepEqual(folderOf(where), ["a.sock"]);
      await listener.close();
      assert.deepEqual(folderOf(where), []);
    });

    it("belongs to whom it is given, by number and by name", { skip: isRoot ? false : "only root may" }, async () => {
      const where = { ...place(), owner: "12345", group: "23456", mode: 0o660 };
      const listener = await listen(where);
      const { uid, gid, mode } = lstatSync(where.path);
      assert.deepEqual([uid, gid, mode & 0o777], [12345, 23456, 0o660]);
      await listener.close();
      const named = await listen({ ...where, owner: "root", group: null });
      assert.equal(lstatSync(where.path).uid, 0);
      await named.close();
    });

    it("gets another mode while it is served, and the one it was made with where none is given", async () => {
      const where = { ...place(), mode: 0o620 };
      const listener = await listen(where, (connection) => void greet(connection));
      const mode = () => (lstatSync(where.path).mode & 0o777).toString(8);
      listener.change!({ ...where, mode: 0o600 });
      assert.equal(mode(), "600");
      listener.change!({ ...where, mode: null });
      assert.equal(mode(), (0o777 & ~process.umask()).toString(8));
      assert.deepEqual(folderOf(where), ["a.sock"]);
      assert.ok(await isServed(where));
      await listener.close();
      assert.deepEqual(folderOf(where), []);
    });

    it("gets another owner, and its first one where none is given", {
      skip: isRoot ? false : "only root may",
    }, async () => {
      const where = { ...place(), owner: "12345", group: "23456", mode: 0o660 };
      const listener = await listen(where);
      const owners = () => [lstatSync(where.path).uid, lstatSync(where.path).gid];
      listener.change!({ ...where, owner: "54321" });
      assert.deepEqual(owners(), [54321, 23456]);
      listener.change!({ ...where, owner: null, group: null });
      assert.deepEqual(owners(), [0, 0]);
      await listener.close();
    });

    it("changes nothing where it cannot change as a whole, and no file that has taken its place", async () => {
      const where = { ...place(), mode: 0o620 };
      const listener = await listen(where);
      const change = (other: UnixListenAddress) => () => listener.change!(other);
      assert.throws(change({ ...where, mode: 0o600, owner: "harmony-nobody" }), refusal("EINVAL", /no user/));
      assert.equal(lstatSync(where.path).mode & 0o777, 0o620);
      unlinkSync(where.path);
      assert.throws(change({ ...where, mode: 0o600 }), refusal("ENOENT", /its file is not there any more/));
      writeFileSync(where.path, "precious", { mode: 0o640 });
      assert.throws(change({ ...where, mode: 0o600 }), refusal("EINVAL", /another file has its name/));
      assert.equal(lstatSync(where.path).mode & 0o777, 0o640);
      unlinkSync(where.path);
      symlinkSync("elsewhere", where.path);
      assert.throws(change({ ...where, mode: 0o600 }), refusal("EINVAL", /another file has its name/));
      assert.deepEqual(folderOf(where), ["a.sock"]);
      await listener.close();
    });

    it("takes the place of one that nobody serves", async () => {
      const where = place();
      const gone = createServer();
      await new Promise<void>((resolve) => gone.listen(join(where.path, "../old"), resolve));
      renameSync(join(where.path, "../old"), where.path); // so that closing does not find it
      await new Promise((resolve) => gone.close(resolve));
      assert.ok(lstatSync(where.path).isSocket());
      const listener = await listen(where, (connection) => void greet(connection));
      assert.ok(await isServed(where));
      await listener.close();
      assert.deepEqual(folderOf(where), []);
    });

    it("takes the place of no other file, and of no link", async () => {
      const where = place();
      writeFileSync(where.path, "precious");
      await assert.rejects(listen(where), refusal("EADDRINUSE", /no socket/));
      unlinkSync(where.path);
      symlinkSync("elsewhere", where.path);
      await assert.rejects(listen(where), refusal("EADDRINUSE", /no socket/));
      assert.deepEqual(folderOf(where), ["a.sock"]);
    });

    it("stays where another one has taken its place", async () => {
      const where = place();
      const first = await listen(where);
      unlinkSync(where.path);
      const second = await listen(where, (connection) => void greet(connection));
      await first.close();
      assert.ok(await isServed(where));
      await second.close();
      assert.equal(existsSync(where.path), false);
    });

    it("is refused with its reason, and nothing is left behind", async () => {
      const where = place();
      const long = join(where.path, "..", "x".repeat(120));
      const cases: [UnixListenAddress, string, RegExp][] = [
        [{ ...where, path: join(where.path, "../missing/a.sock") }, "ENOENT", /there is no folder .*missing$/],
        [{ ...where, path: long }, "EINVAL", /too long/],
        [{ ...where, path: "" }, "EINVAL", /no path/],
        [{ ...where, path: `${where.path}\0` }, "EINVAL", /no path/],
        [{ ...where, owner: "harmony-nobody" }, "EINVAL", /no user "harmony-nobody" in \/etc\/passwd/],
        [{ ...where, group: "harmony-nobody" }, "EINVAL", /no group "harmony-nobody" in \/etc\/group/],
      ];
      for (const [address, code, message] of cases) await assert.rejects(listen(address), refusal(code, message));
      assert.deepEqual(folderOf(where), []);
    });

    it("is refused where its folder may not be written to", { skip: isRoot ? "root may" : false }, async () => {
      const where = place();
      chmodSync(join(where.path, ".."), 0o500);
      await assert.rejects(listen(where), { name: "NetError", code: "EACCES" });
    });

    it("is not given to others by those who may not", { skip: isRoot ? "root may" : false }, async () => {
      const where = { ...place(), owner: "root" };
      await assert.rejects(listen(where), refusal("EACCES", /may not give it owner root/));
      assert.deepEqual(folderOf(where), []);
    });
  });
}
