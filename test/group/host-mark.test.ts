/** Which balancers take each other for neighbours on one host. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type HostFacts, hostMark } from "../../src/group/host-mark.ts";

const BOOT = "/proc/sys/kernel/random/boot_id";

function hostOf(files: Readonly<Record<string, string>>, name = "debian", network = "net:[4026531840]"): HostFacts {
  const text = (path: string) => {
    if (path in files) return files[path]!;
    throw new Error(`ENOENT: ${path}`);
  };
  const link = (path: string) => (path === "/proc/self/ns/net" ? network : text(path));
  return { name: () => name, text, link };
}

describe("the mark of a host", () => {
  it("is the same for programs that share a kernel, a network and a name", () => {
    assert.equal(hostMark(hostOf({ [BOOT]: "a\n" })), hostMark(hostOf({ [BOOT]: "a" })));
    assert.match(hostMark(), /^[0-9a-f]{32}$/);
    assert.equal(hostMark(), hostMark());
  });

  it("differs between machines of one name, and between networks of one machine", () => {
    const marks = [
      hostOf({ [BOOT]: "a" }),
      hostOf({ [BOOT]: "b" }),
      hostOf({ [BOOT]: "a" }, "other"),
      hostOf({ [BOOT]: "a" }, "debian", "net:[4026532207]"),
      hostOf({ "/etc/machine-id": "m" }),
      hostOf({}),
    ].map((facts) => hostMark(facts));
    assert.equal(new Set(marks).size, marks.length);
  });
});
