import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NetError, netCodeOf, netError, toNetError } from "../../src/net/net-error.ts";
import { formatAddress, parseIp, plainHost } from "../../src/util/address.ts";

/** As a runtime would throw it. */
function native(name: string, message: string, code?: string): Error {
  const error = new Error(message);
  error.name = name;
  return code === undefined ? error : Object.assign(error, { code });
}

describe("netCodeOf()", () => {
  const cases: [what: string, error: unknown, code: string][] = [
    ["a POSIX code", native("Error", "connect ECONNREFUSED", "ECONNREFUSED"), "ECONNREFUSED"],
    ["a broken pipe", native("BrokenPipe", "Broken pipe (os error 32)", "EPIPE"), "ECONNRESET"],
    ["no more files in the system", native("Error", "accept", "ENFILE"), "EMFILE"],
    ["no permission", native("Error", "bind", "EPERM"), "EACCES"],
    ["a host without IPv6", native("Error", "connect EAFNOSUPPORT", "EAFNOSUPPORT"), "ENETUNREACH"],
    ["a resolver that is out of reach", native("Error", "getaddrinfo", "EAI_AGAIN"), "ENOTFOUND"],
    [
      "Deno's resolver, which gives no code",
      native("Error", "failed to lookup address information: Name or service not known"),
      "ENOTFOUND",
    ],
    ["Deno's classes", native("ConnectionRefused", "Connection refused"), "ECONNREFUSED"],
    ["Deno's missing socket file", native("NotFound", "No such file or directory", "ENOENT"), "ENOENT"],
    ["a port out of range", new RangeError("Invalid port (out of range): 70000"), "EINVAL"],
    ["OpenSSL's verification", native("Error", "self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT"), "ETLS"],
    ["Node's own TLS checks", native("Error", "altnames", "ERR_TLS_CERT_ALTNAME_INVALID"), "ETLS"],
    ["rustls", native("InvalidData", "invalid peer certificate: UnknownIssuer"), "ETLS"],
    [
      "OpenSSL's complaint about plain text",
      native("Error", "…:SSL routines:ssl3_get_record:wrong version number:…", "EPROTO"),
      "ENOTLS",
    ],
    ["rustls's", native("InvalidData", "received corrupt message of type InvalidContentType"), "ENOTLS"],
    ["one of ours", new NetError("EABORTED", "given up"), "EABORTED"],
    ["something unheard of", native("Error", "the moon is full", "EMOON"), "EUNKNOWN"],
    ["no error at all", "text", "EUNKNOWN"],
    ["the name of a property of every object", native("Error", "odd", "constructor"), "EUNKNOWN"],
  ];
  for (const [what, error, code] of cases) {
    it(`knows ${what} as ${code}`, () => assert.equal(netCodeOf(error), code));
  }
});

describe("toNetError()", () => {
  it("says what was being done and what the code means, and keeps the cause", () => {
    const cause = native("Error", "connect ECONNREFUSED 10.0.0.1:80", "ECONNREFUSED");
    const error = toNetError(cause, "cannot connect to 10.0.0.1:80");
    assert.equal(error.message, "cannot connect to 10.0.0.1:80: connection refused, nothing accepts connections there");
    assert.equal(error.cause, cause);
  });

  it("keeps the native message where the code says little", () => {
    const error = toNetError(new Error("the moon is full"), "reading");
    assert.equal(error.message, "reading: unexpected failure: the moon is full");
  });

  it("passes a NetError through", () => {
    const error = netError("EMFILE", "accepting");
    assert.equal(toNetError(error, "elsewhere"), error);
  });
});

describe("addresses", () => {
  it("lose the IPv4-mapped form, and only that", () => {
    assert.equal(plainHost("::ffff:192.0.2.1"), "192.0.2.1");
    assert.equal(plainHost("::ffff:0:1"), "::ffff:0:1");
    assert.equal(plainHost("::ffff:0:192.0.2.1"), "::ffff:0:192.0.2.1"); // another form of IPv4 in IPv6
    assert.equal(plainHost("2001:db8::1"), "2001:db8::1");
    assert.equal(plainHost("::ffff:192.0.2.1%0"), "::ffff:192.0.2.1%0"); // 192.0.2.1%0 is no address
  });

  it("are none where they hold IPv4 in a form of old resolvers", () => {
    for (const old of ["::0177.0.0.1", "::ffff:0x7f.0.0.1", "::ffff:1.2.3.04"]) assert.equal(parseIp(old), null, old);
    assert.equal(String(parseIp("::ffff:1.2.3.4")), "1.2.3.4");
  });

  it("are shown as people write them", () => {
    assert.equal(formatAddress({ host: "192.0.2.1", port: 80 }), "192.0.2.1:80");
    assert.equal(formatAddress({ host: "::1", port: 80 }), "[::1]:80");
    assert.equal(formatAddress({ host: "", port: 80 }), "*:80");
    assert.equal(formatAddress({ path: "/run/app.sock" }), "unix:/run/app.sock");
    assert.equal(formatAddress({ fd: 3 }), "fd:3");
  });
});
