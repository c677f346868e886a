/** The keys of invited reporters, beside shared ones. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { formatKeyBytes } from "../../src/control/keys/public-key.ts";
import { ManualClock } from "../support/clock.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const SECRET = "0123456789abcdef";
const key = (number: number) => new Uint8Array(32).fill(number);
const text = (...numbers: number[]) => numbers.map((number) => formatKeyBytes(key(number))).join(",");

class Place {
  readonly folder = temporaryFolder("own-keys");
  readonly file = join(this.folder, "key");
  readonly reporters = join(this.folder, "reporters");
  readonly clock = new ManualClock();
  readonly warnings: string[] = [];
  changes = 0;
  readonly keys: Keys;

  constructor(shared: string, reporters: string | null = null, isInvited = false) {
    this.write(this.file, shared);
    if (reporters !== null) this.write(this.reporters, reporters);
    this.keys = new Keys([], this.file, hostEnvironment(), {
      reporters: this.reporters,
      isInvited: () => isInvited,
      clock: this.clock,
    });
    this.keys.onWarning = (message) => this.warnings.push(message);
    this.keys.onChange = () => {
      this.changes += 1;
    };
  }

  write(path: string, content: string): void {
    rmSync(path, { force: true });
    writeFileSync(path, content, { mode: 0o600 });
  }
}

describe("keys of both kinds", () => {
  it("are found by id and by public key; a file that comes later counts as well", () => {
    const place = new Place(`shared:${SECRET}\n`);
    const { keys } = place;
    assert.equal(keys.findByPublicKey(key(1)), undefined);
    place.write(place.reporters, `web ${text(1)} port=80\n`);
    const web = keys.findByPublicKey(key(1));
    assert.equal(web?.id, "web");
    assert.deepEqual(web?.limits.ports, [[80, 80]]);
    assert.equal(keys.find("web"), web);
    assert.equal(keys.findByPublicKey(key(2)), undefined);
    assert.deepEqual(keys.ids(), ["shared", "web"]);
    assert.deepEqual(keys.loaded, { count: 1, file: place.file, reporters: 1, insecure: false });
    assert.equal(place.changes, 1);
    place.write(place.reporters, `# moved\nweb ${text(1)} port=80\n`);
    assert.equal(keys.findByPublicKey(key(1)), web, "the same object while it says the same");
  });

  it("are one name space: a file that takes a name of the other changes nothing, until one of them is mended", () => {
    const place = new Place(`shared:${SECRET}\n`, `web ${text(1)}\n`);
    const { keys, warnings } = place;
    place.write(place.reporters, `web ${text(1)}\nshared ${text(2)}\n`);
    assert.equal(keys.findByPublicKey(key(2)), undefined);
    assert.equal(
      warnings.at(-1),
      `${place.reporters}:2: the name "shared" is that of a key of ${place.file}, too: give each its own; the keys read before stay valid`,
    );
    place.write(place.file, `other:${SECRET}\n`);
    assert.equal(keys.findByPublicKey(key(2))?.id, "shared");
    place.write(place.file, `web:${SECRET}\n`);
    assert.ok(keys.find("other"));
    assert.match(warnings.at(-1)!, /key file .* has a key "web", which is the name of a reporter in .*reporters, too/);
    assert.equal(warnings.length, 2);
    assert.throws(
      () => new Keys([], place.file, hostEnvironment(), { reporters: place.reporters }),
      /reporters:1: the name "web" is that of a key of /,
    );
  });

  it("that a broken or missing line would take away stay valid, and one warning says so", () => {
    const place = new Place(`shared:${SECRET}\n`, `web ${text(1)}\n`);
    const { keys, warnings } = place;
    place.write(place.reporters, `web ${text(1)}\ndb\n`);
    for (let look = 0; look < 3; look += 1) assert.ok(keys.findByPublicKey(key(1)));
    assert.match(warnings.splice(0).join(), /reporters:2: after the name "db" .*; the keys read before stay valid$/);
    rmSync(place.reporters);
    for (let look = 0; look < 3; look += 1) assert.ok(keys.findByPublicKey(key(1)));
    assert.deepEqual(warnings, [`reporters file ${place.reporters} is gone; the keys read before stay valid`]);
    place.write(place.reporters, "# nobody\n");
    assert.equal(keys.findByPublicKey(key(1)), undefined);
  });
});

describe("the last shared key", () => {
  for (const [where, isInvited] of [
    ["is out with its line where reporters are invited", true],
    ["stays valid when its line is gone where nobody is invited: a file with none is a mistake", false],
  ] as const) {
    it(where, () => {
      const place = new Place(`shared:${SECRET}\n`, null, isInvited);
      place.write(place.file, "# none any more\n");
      assert.equal(place.keys.find("shared") === undefined, isInvited);
      assert.equal(place.changes, isInvited ? 1 : 0);
      assert.match(place.warnings.join(), isInvited ? /^$/ : /holds no key: .*; the keys read before stay valid$/);
      if (isInvited) assert.equal(new Place("# none\n", null, true).keys.loaded.count, 0, "at the start, too");
      else assert.throws(() => new Place("# none\n"), /holds no key/);
    });
  }
});

describe("a key that was proved", () => {
  it("is current with its limits of now, until its line or its secret is another", () => {
    const place = new Place(`shared:${SECRET}\n`, `web ${text(1)}\n`);
    const { keys } = place;
    const [shared, web] = [keys.find("shared")!, keys.findByPublicKey(key(1))!];
    place.write(place.reporters, `web ${text(1)} max-weight=5\n`);
    assert.equal(keys.current(web)?.limits.maxWeight, 5);
    place.write(place.reporters, `web ${text(2)}\n`);
    assert.equal(keys.current(web), undefined);
    assert.equal(keys.accepts(web), false, "another one's key in its line is no exchange");
    place.write(place.file, `shared:${SECRET}${SECRET}\n`);
    assert.equal(keys.current(shared), undefined);
    assert.equal(keys.accepts(shared), false);
    assert.equal(keys.accepts({ id: "shared" }), false);
  });

  it("lets what was registered stay for 15 s after its reporter has exchanged it, and not once the line is gone", () => {
    const place = new Place(`shared:${SECRET}\n`, `web ${text(1, 2)}\n`);
    const { keys, clock } = place;
    const former = keys.findByPublicKey(key(1))!;
    place.write(place.reporters, `web ${text(2)}\n`);
    assert.equal(keys.current(former), undefined, "no session may go on with it");
    assert.ok(keys.accepts(former));
    clock.advance(14_999);
    assert.ok(keys.accepts(former));
    const { changes } = place;
    clock.advance(1);
    assert.ok(!keys.accepts(former));
    assert.equal(place.changes, changes + 1, "whoever looks at what keys allow is told");
    place.write(place.reporters, `web ${text(2, 3)}\n`);
    const second = keys.findByPublicKey(key(2))!;
    place.write(place.reporters, `web ${text(3)}\n`);
    assert.ok(keys.accepts(second));
    place.write(place.reporters, "# nobody\n");
    assert.ok(!keys.accepts(second));
  });

  it("is out at once when it is the newer one that somebody takes out: it was a thief's", () => {
    const place = new Place(`shared:${SECRET}\n`, `web ${text(1, 2)}\n`);
    const { keys } = place;
    const newer = keys.findByPublicKey(key(2))!;
    place.write(place.reporters, `web ${text(1)}\n`);
    assert.ok(!keys.accepts(newer));
  });
});
