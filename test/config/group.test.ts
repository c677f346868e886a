import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { shownSettings } from "../../src/admin/shown-settings.ts";
import { difference } from "../../src/config/document/difference.ts";
import { effectiveText } from "../../src/config/document/effective.ts";
import { groupPlace, passwordOf } from "../../src/config/group-kind.ts";
import { completeBalancer, loadBalancer } from "../../src/config/load.ts";
import { OptionError } from "../../src/config/values.ts";
import { placeText } from "../../src/group/place.ts";
import { certificateFiles } from "../support/certificates.ts";
import fc from "../support/draws.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("group-options");
after(removeFolders);

const SECRET = "p:ss/w@rd";
const WRITTEN = encodeURIComponent(SECRET);

function load(argv: readonly string[], environment: Record<string, string> = {}) {
  const program = { name: "harmony-test", usage: "[options]", summary: "Summary.", footer: "Footer." };
  const command = loadBalancer({ argv, environment, program });
  assert.ok(command.action === "run");
  return command.settings;
}

function problems(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof OptionError, String(error));
    return error.problems.join("\n");
  }
  assert.fail("no problem was found");
}

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe("the address of a group", () => {
  const forms: readonly (readonly [string, string | null, object])[] = [
    ["redis://10.0.0.5", "redis://10.0.0.5:6379", { form: "server", tls: false, database: 0, user: null }],
    ["redis://10.0.0.5:6380/0", "redis://10.0.0.5:6380", { database: 0 }],
    ["rediss://app:x@[::1]:7000/3", "rediss://app@[::1]:7000/3", { tls: true, database: 3, user: "app" }],
    ["redis://:x@cache.internal", "redis://cache.internal:6379", { user: null }],
    ["unix:///run/redis/s", null, { addresses: [{ path: "/run/redis/s" }] }],
    [
      "redis+unix://app:x@/run/a%20b?db=2",
      "unix://app@/run/a%20b?db=2",
      { addresses: [{ path: "/run/a b" }], database: 2 },
    ],
    ["unix:///run/a%3Fdb=2%23", null, { addresses: [{ path: "/run/a?db=2#" }], database: 0 }],
    ["redis+sentinel://a,b:7/main", "redis+sentinel://a:26379,b:7/main", { form: "sentinel", master: "main" }],
    ["rediss+sentinel://a:1/m%2Fn/4", null, { tls: true, master: "m/n", database: 4 }],
    ["redis+cluster://a,[::1]:7001", "redis+cluster://a:6379,[::1]:7001", { form: "cluster", master: null }],
  ];
  for (const [given, shown, parts] of forms) {
    test(given, () => {
      const place = groupPlace.parse(given)!.value;
      for (const [name, value] of Object.entries(parts)) {
        assert.deepEqual((place as unknown as Record<string, unknown>)[name], value, name);
      }
      assert.equal(placeText(place), shown ?? given);
      assert.deepEqual(groupPlace.parse(placeText(place))!.value, place);
    });
  }

  test("what is none is refused, and quoted without what may be a password", () => {
    for (const given of [
      "redis://",
      "10.0.0.5:6379",
      "http://10.0.0.5",
      "redis://a,b",
      "redis://a:0",
      "redis://a:70000",
      "redis://a/x",
      "redis://a/70000",
      "redis://a/1/2",
      "redis://user:@a",
      "redis://%zz@a",
      "redis://s@cr@t:x@a",
      "redis+sentinel://a",
      "redis+sentinel://a/m/1/2",
      "redis+cluster://a/1",
      "redis+unix://run/redis",
      "app:secret@10.0.0.5",
      "redis://app:secret@10.0.0.5:99999",
    ]) {
      assert.equal(groupPlace.parse(given), null, given);
      assert.doesNotMatch(
        problems(() => load([], { HARMONY_GROUP: given })),
        /secret|cr@t/,
      );
    }
  });

  test("any text is taken or refused, and what is taken is shown so that it is read as the same", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.stringMatching(/^rediss?(\+(sentinel|cluster|unix))?:\/\/[\w%:@/,?=.]{0,20}$/),
        ),
        (given) => {
          const place = groupPlace.parse(given)?.value;
          if (place !== undefined) assert.deepEqual(groupPlace.parse(placeText(place))?.value, place);
        },
      ),
    );
  });
});

describe("the password of a group", () => {
  const address = `redis://app:${WRITTEN}@10.0.0.5`;

  test("comes from the address in the environment or the file, the environment, or a file of its own", () => {
    assert.equal(load([], { HARMONY_GROUP: address }).groupPassword, SECRET);
    const config = file("a.toml", `group = ${JSON.stringify(address)}\n`);
    assert.equal(load(["--config", config]).groupPassword, SECRET);
    assert.equal(load(["--group", "redis://a"], { HARMONY_GROUP_PASSWORD: SECRET }).groupPassword, SECRET);
    const own = load(["--group", "redis://a", "--group-password-file", file("own", `${SECRET}\n`)]);
    assert.equal(own.groupPasswordFile, join(folder, "own"));
    assert.equal(own.groupPassword, null);
  });

  test("is refused on the command line, and from two places", () => {
    const refused = problems(() => load(["--group", address]));
    assert.match(refused, /every user of this machine sees a password/);
    assert.doesNotMatch(refused, /ss\/w|%2F/);
    const twice = problems(() => load([], { HARMONY_GROUP: address, HARMONY_GROUP_PASSWORD: "x" }));
    assert.match(twice, /given elsewhere as well/);
  });

  test("lies in a file that others do not read", { skip: process.platform === "win32" && "no file modes" }, () => {
    const open = file("open", SECRET, 0o644);
    assert.match(
      problems(() => load(["--group-password-file", open])),
      /group-password-file: the file is open to other users/,
    );
    assert.match(
      problems(() => load(["--group-password-file", file("empty", "\n")])),
      /the file is empty/,
    );
    assert.match(
      problems(() => load(["--group-password-file", join(folder, "none")])),
      /cannot be read/,
    );
  });

  test("is shown nowhere, and another one asks for a restart", () => {
    const settings = load([], { HARMONY_GROUP: address });
    const shown = JSON.stringify([settings.group, shownSettings(settings)]);
    assert.match(shown, /"groupPassword":"\*\*\*"/);
    assert.equal(passwordOf(settings.group!), SECRET);
    const steps = difference(settings, load([], { HARMONY_GROUP: "redis://app:other@10.0.0.5" }));
    assert.deepEqual(steps, [{ kind: "restart", option: "groupPassword", before: "(hidden)", after: "(hidden)" }]);
    const group = { from: "HARMONY_GROUP", text: address };
    const said = { flags: new Map(), environment: new Map([["group", group]]), config: null };
    const effective = effectiveText(completeBalancer(said, []));
    assert.match(effective, /^group = "redis:\/\/app@10\.0\.0\.5:6379" .*# HARMONY_GROUP$/m);
    for (const text of [shown, effective, JSON.stringify(steps)]) assert.doesNotMatch(text, /p:ss|w@rd|other|%40/);
  });
});

test("authorities are for TLS, and have to be some", () => {
  assert.match(
    problems(() => load(["--group", "redis://a", "--group-ca", certificateFiles.ca])),
    /group-ca: there is no TLS to check/,
  );
  assert.match(
    problems(() => load(["--group", "rediss://a", "--group-ca", file("no.pem", "nothing")])),
    /group-ca/,
  );
  const alone = [
    ["--group-name", "east"],
    ["--group-ca", certificateFiles.ca],
    ["--group-password-file", file("lone", `${SECRET}\n`)],
  ];
  for (const [option, value] of alone as [string, string][])
    assert.match(
      problems(() => load([option, value])),
      new RegExp(`${option.slice(2)}: there is no group that it could be of: say with (--)?group where it meets`),
    );
  assert.equal(load(["--group-name", "harmony"]).groupName, "harmony", "as it is shown where there is none");
  assert.equal(load(["--group", "rediss://a", "--group-ca", certificateFiles.ca]).groupCa, certificateFiles.ca);
});
