import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openLibc } from "#ffi";
import { EPOLL_EVENT } from "../../../src/engines/linux/sys/abi.ts";
import type { Libc } from "../../../src/engines/linux/sys/libc.ts";
import { selfTest } from "../../../src/engines/linux/sys/self-test.ts";

const libc = process.platform === "linux" ? openLibc() : null;
const skip = libc === null ? "no foreign functions here" : false;

describe("linux binding", () => {
  it("passes its self-test on this machine", { skip }, () => {
    assert.equal(selfTest(libc!, process.arch), null);
  });

  it("leaves no descriptor open", { skip }, () => {
    const before = libc!.eventfd(0, 0);
    libc!.close(before);
    selfTest(libc!, process.arch);
    const after = libc!.eventfd(0, 0);
    libc!.close(after);
    assert.equal(after, before);
  });

  it("names an architecture whose layouts it does not know", { skip }, () => {
    assert.match(selfTest(libc!, "riscv64") ?? "", /riscv64/);
  });

  it("notices the other architecture's epoll_event", { skip }, () => {
    const other = process.arch === "x64" ? "arm64" : "x64";
    assert.notDeepEqual(EPOLL_EVENT[other], EPOLL_EVENT[process.arch]);
    assert.match(selfTest(libc!, other) ?? "", /epoll/);
  });

  for (const [what, broken] of Object.entries<(real: Libc) => Partial<Libc>>({
    accept4: (real) => ({ accept4: (fd, address, length) => real.accept4(fd, address, length, 0) }),
    splice: () => ({ splice: () => 0 }),
    getsockname: () => ({ getsockname: () => 0 }),
    errno: () => ({ errno: new Int32Array(1) }),
    recv: (real) => ({ recv: (fd, data, length, flags) => real.recv(fd, data, length, flags) + 1 }),
  })) {
    it(`notices a wrong ${what}`, { skip }, () => {
      assert.notEqual(selfTest({ ...libc!, ...broken(libc!) }, process.arch), null);
    });
  }
});
