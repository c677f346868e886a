import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { undialable } from "../../src/targets/self-dial-guard.ts";

describe("the balancer's own addresses", () => {
  const target = (host: string, port = 3000) => ({ host, port });

  it("are known however they are written", () => {
    const own = [{ host: "fd00:0:0:0:0:0:0:1", port: 3000 }];
    assert.ok(undialable(target("fd00::1"), own, []));
    assert.equal(undialable(target("fd00::2"), own, []), null);
    assert.ok(undialable(target("fd00::9"), [{ host: "::", port: 3000 }], ["FD00:0::9"]));
    assert.ok(undialable(target("10.0.0.1"), [{ host: "0.0.0.0", port: 3000 }], ["10.0.0.1"]));
    assert.equal(undialable(target("10.0.0.1", 3001), [{ host: "", port: 3000 }], ["10.0.0.1"]), null);
  });

  it("may be Unix sockets", () => {
    const own = [{ host: "", port: 3000 }, { path: "/run/own.sock" }];
    assert.match(
      undialable({ path: "/run/own.sock" }, own, []) ?? "dialled",
      /itself listens at unix:\/run\/own\.sock/,
    );
    assert.equal(undialable({ path: "/run/other.sock" }, own, []), null);
    assert.ok(undialable(target("127.0.0.1"), own.toReversed(), []), "beside others");
  });

  it("are never a name", () => assert.match(undialable(target("db.example"), [], []) ?? "dialled", /is not an IP/));

  it("are known with a zone, whichever it is called", () => {
    const own = ["fe80::1", "127.0.0.1"];
    for (const host of ["fe80::1", "fe80::1%eth0", "fe80::1%2"]) {
      assert.ok(undialable(target(host), [{ host: "::", port: 3000 }], own), host);
    }
    assert.equal(undialable(target("fe80::2%eth0"), [{ host: "::", port: 3000 }], own), null);
    assert.ok(undialable(target("::1%lo"), [{ host: "::1", port: 3000 }], own));
    assert.ok(undialable(target("fe80::1%2"), [{ host: "fe80::1%eth0", port: 3000 }], own));
  });

  it("are known inside others that stand for them", () => {
    const own = [{ host: "0.0.0.0", port: 3000 }];
    for (const host of ["64:ff9b::10.0.0.1", "2002:a00:1::5", "::a00:1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.9"]) {
      assert.match(undialable(target(host), own, ["10.0.0.1"]) ?? "dialled", /itself/, host);
      assert.equal(undialable(target(host, 3001), own, ["10.0.0.1"]), null, host);
    }
    for (const host of ["64:ff9b::", "2002:e000:1::", "::ffff:0:ffff:ffff"]) {
      assert.match(undialable(target(host), [], []) ?? "dialled", /not the address of a host/, host);
    }
  });

  it("do not forbid another address of a host that listens on one alone", () => {
    assert.equal(undialable(target("10.0.0.2"), [{ host: "10.0.0.1", port: 3000 }], ["10.0.0.1", "10.0.0.2"]), null);
    assert.equal(undialable(target("127.0.0.2"), [{ host: "127.0.0.1", port: 3000 }], []), null);
  });
});
