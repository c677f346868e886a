import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { idIn, systemId } from "../../src/util/system-ids.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/:\n+nis\nbad:x:none:1::/:\n\n";

describe("a user or group", () => {
  it("is found by name, with its own number", () => {
    assert.equal(idIn(PASSWD, "www"), 33);
    assert.equal(idIn(PASSWD, "root"), 0);
  });

  it("is not found by a part of a name, where its line has no number, or at all", () => {
    for (const name of ["ww", "www:x", "bad", "+nis", "", "nobody"]) assert.equal(idIn(PASSWD, name), null, name);
  });

  it("is named by a number, whether or not anybody has it", () => {
    assert.equal(systemId("user", "4294967294"), 4294967294);
    assert.equal(systemId("group", "0"), 0);
    assert.throws(() => systemId("user", "4294967295"), /no user id/);
  });
});
