import assert from "node:assert/strict";
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { balancerKeys, reporterKey } from "../../src/control/keys/find-keys.ts";
import {
  INSECURE_KEY,
  isShared,
  type Key,
  parseGivenKey,
  parseKey,
  parseKeyFile,
  parseKeyLine,
} from "../../src/control/keys/key.ts";
import { type HostEnvironment, hostEnvironment, keyPlaces } from "../../src/control/keys/key-places.ts";
import fc from "../support/draws.ts";

import { removeFolders, temporaryFolder } from "../support/folder.ts";

const SECRET = "0123456789abcdef";
const posix = process.platform === "win32" ? { skip: "no file modes on Windows" } : {};

const onlyNode =
  process.platform === "win32" || "bun" in process.versions || "deno" in process.versions
    ? { skip: "only Node lets a test see what is asked of the file system, and Windows has no file modes" }
    : {};

const noOtherUser =
  process.seteuid === undefined || process.getuid?.() !== 0 || "deno" in process.versions
    ? { skip: "this process cannot be another user for a moment" }
    : {};

const root = temporaryFolder("keys");
after(removeFolders);
let count = 0;

/** A user with a home of its own, on a system of its own. */
function newUser(change: Partial<HostEnvironment> = {}): HostEnvironment {
  count += 1;
  const home = join(root, `home-${count}`);
  const state = join(root, `state-${count}`);
  mkdirSync(home);
  mkdirSync(state);
  return { ...hostEnvironment(), env: {}, home, etc: join(root, `etc-${count}`), state, ...change };
}

function keyFile(content: string, mode = 0o600): string {
  count += 1;
  const path = join(root, `key-${count}`);
  writeFileSync(path, content, { mode });
  chmodSync(path, mode);
  return path;
}

/** The system's key of this user, which root alone may read. Returns its path. */
function systemKey(user: HostEnvironment): string {
  const path = join(user.etc, "harmony", "key");
  mkdirSync(join(user.etc, "harmony"), { recursive: true });
  writeFileSync(path, `system:${SECRET}\n`, { mode: 0o600 });
  return path;
}

/** Runs `body` as the user nobody. */
function asNobody<T>(body: () => T): T {
  chmodSync(root, 0o755);
  process.seteuid!("nobody");
  try {
    return body();
  } finally {
    process.seteuid!(0);
    chmodSync(root, 0o700);
  }
}

/** Calls `body` once, after the `look`-th time that the program has asked for the state of `path`. Gives the way back. */
function afterLook(look: number, path: string, body: () => void): () => void {
  const { statSync: original } = fs;
  let looks = 0;
  const watched = (...args: Parameters<typeof statSync>) => {
    const stat = original(...args);
    if (args[0] === path && ++looks === look) body();
    return stat;
  };
  const put = (as: unknown) => {
    Object.assign(fs, { statSync: as });
    syncBuiltinESMExports();
  };
  put(watched);
  return () => put(original);
}

function refusal(attempt: () => unknown): { code: string; message: string } {
  try {
    attempt();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return assert.fail("it was not refused");
}

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

function secretOf(key: Key | undefined): string | undefined {
  return key && isShared(key) ? key.secret : undefined;
}

describe("a key", () => {
  it("is [id:]secret", () => {
    assert.deepEqual(parseKey(`web-1:${SECRET}`, "here"), { id: "web-1", secret: SECRET, limits: {} });
    assert.deepEqual(parseKey(SECRET, "here"), { id: "default", secret: SECRET, limits: {} });
    assert.equal(parseKey(`correct horse: battery`, "here").secret, "correct horse: battery");
    assert.equal(parseKey(`a:b:${SECRET}`, "here").secret, `b:${SECRET}`);
    assert.equal(parseKey("ключ ключ ключ ключ", "here").id, "default");
  });

  it("may be given as a whole file that holds one key", () => {
    for (const text of [`web:${SECRET}`, `web:${SECRET}\n`, `\r\n web:${SECRET}\r\n`, `# ours\n\nweb:${SECRET}\n`]) {
      assert.deepEqual(parseGivenKey(text, "here"), { id: "web", secret: SECRET, limits: {} });
    }
    assert.equal(parseGivenKey(`#${SECRET}`, "here").secret, `#${SECRET}`);
    for (const text of [`a:${SECRET}\nb:${SECRET}`, "# ours\n\n", "\n"]) {
      const { code, message } = refusal(() => parseGivenKey(text, "HERE"));
      assert.equal(code, "BAD_KEY");
      assert.ok(message.startsWith("HERE: ") && !message.includes(SECRET), message);
    }
  });

  it("is refused when its secret is short or its id reserved, without being shown", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 4, maxLength: 15 }).filter((text) => !/[:\s"]/.test(text)),
        (secret) => {
          assert.throws(
            () => parseKey(`some-id:${secret}`, "HERE"),
            (error) =>
              code("BAD_KEY")(error) &&
              !(error as Error).message
                .replace('HERE: the secret of key "some-id" has fewer than 16 characters', "")
                .includes(secret),
          );
        },
      ),
    );
    assert.throws(() => parseKey(`insecure:${SECRET}`, "HERE"), code("BAD_KEY"));
  });
});

describe("a key file", () => {
  it("holds a key per line with its limits", () => {
    const keys = parseKeyFile(
      `# ours\n\nold:${SECRET}\r\n  new:${SECRET}x  pool=a,b from=10.0.0.0/8,::1 port=80,8000-8099 max-weight=1000\n`,
      "file",
    );
    assert.deepEqual(
      keys.map(({ id }) => id),
      ["old", "new"],
    );
    const limits = keys[1]?.limits;
    assert.deepEqual(limits?.pools, ["a", "b"]);
    assert.deepEqual(limits?.ports, [
      [80, 80],
      [8000, 8099],
    ]);
    assert.equal(limits?.maxWeight, 1000);
    assert.deepEqual(
      limits?.from?.map(({ base, bits }) => `${base}/${bits}`),
      ["10.0.0.0/8", "::1/128"],
    );
  });

  for (const line of [
    "short",
    `id:${SECRET} and more words`,
    `id:${SECRET} colour=blue`,
    `id:${SECRET} pool=`,
    `id:${SECRET} from=10.0.0.0/33`,
    `id:${SECRET} from=010.1.1.1`,
    `id:${SECRET} from=host.example`,
    `id:${SECRET} port=0`,
    `id:${SECRET} port=90-80`,
    `id:${SECRET} port=65536`,
    `id:${SECRET} max-weight=-1`,
    `id:${SECRET} max-weight=many`,
  ]) {
    it(`refuses "${line.replace(SECRET, "…")}" by file and line, never with the secret`, () => {
      assert.throws(
        () => parseKeyFile(`# first line\n${line}\n`, "keys.txt"),
        (error) =>
          code("BAD_KEY")(error) &&
          (error as Error).message.startsWith("keys.txt:2: ") &&
          !(error as Error).message.includes(SECRET) &&
          !(error as Error).message.includes("words"),
      );
    });
  }

  it("refuses an id given twice", () => {
    assert.throws(() => parseKeyFile(`a:${SECRET}\na:${SECRET}2\n`, "f"), /f:2: a second key with the id "a"/);
  });

  it("never shows a secret, whatever the line", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 16, maxLength: 40 }).filter((text) => !/[\s:=]/.test(text)),
        fc.string(),
        (secret, rest) => {
          try {
            parseKeyLine(`id:${secret} ${rest.replaceAll("\n", " ")}`, "f:1");
          } catch (error) {
            assert.ok(!(error as Error).message.includes(secret));
          }
        },
      ),
    );
  });

  it("that others could read is refused, with the command that fixes it", posix, () => {
    for (const mode of [0o644, 0o604, 0o620, 0o666]) {
      const path = keyFile(SECRET, mode);
      assert.throws(
        () => balancerKeys({ keyFile: path }, newUser()),
        (error) => code("BAD_KEY_FILE")(error) && (error as Error).message.includes(`chmod 600 ${path}`),
      );
      assert.throws(() => reporterKey({ keyFile: path }, newUser())(), code("BAD_KEY_FILE"));
    }
  });

  it("that belongs to another user is refused, with what to do, unless that is root or shares it", noOtherUser, () => {
    const mine = process.getuid!();
    const cases = [
      { owner: 12_345, group: 12_345, mode: 0o600, taken: false },
      { owner: 12_345, group: 12_345, mode: 0o640, taken: false }, // which root reads though it is not in that group
      { owner: 12_345, group: process.getgid!(), mode: 0o640, taken: true },
      { owner: mine, group: 12_345, mode: 0o400, taken: true },
    ];
    for (const { owner, group, mode, taken } of cases) {
      const path = keyFile(`web:${SECRET}`, mode);
      chownSync(path, owner, group);
      if (taken) {
        assert.equal(reporterKey({ keyFile: path }, newUser())().id, "web");
        continue;
      }
      for (const find of [
        reporterKey({ keyFile: path }, newUser()),
        () => balancerKeys({ keyFile: path }, newUser()),
      ]) {
        const { code, message } = refusal(find);
        assert.equal(code, "BAD_KEY_FILE");
        assert.ok(message.includes("id 12345") && message.includes(`chown ${mine} ${path}`), message);
      }
    }
    // The group is this test's.
    for (const owner of [0, 12_345]) {
      const path = keyFile(`web:${SECRET}`, 0o640);
      chownSync(path, owner, process.getgid!());
      assert.equal(asNobody(reporterKey({ keyFile: path }, newUser())).id, "web");
    }
  });

  it("in a folder where every user may replace it is refused, and none is made there", posix, () => {
    const open = join(root, "open");
    mkdirSync(open);
    const path = join(open, "key");
    const link = join(root, "link");
    const attempts = [
      () => balancerKeys({ keyFile: path }, newUser()),
      reporterKey({ keyFile: path }, newUser()),
      reporterKey({ keyFile: link }, newUser()),
    ];
    chmodSync(open, 0o777);
    assert.match(refusal(attempts[0]!).message, /every user may replace it: run chmod o-w /);
    assert.deepEqual(readdirSync(open), []);
    writeFileSync(path, `web:${SECRET}`, { mode: 0o600 });
    symlinkSync(path, link);
    for (const attempt of attempts) {
      const { code, message } = refusal(attempt);
      assert.equal(code, "BAD_KEY_FILE");
      assert.ok(message.includes(`chmod o-w ${open}`), message);
    }
    // As Kubernetes mounts secrets, and as /tmp is: nobody can put another file in its place.
    chmodSync(open, 0o1777);
    for (const attempt of attempts) attempt();
  });

  it("that another one replaces while it is looked at is not taken for that one", onlyNode, () => {
    const path = keyFile(`ours:${SECRET}`);
    for (let look = 1; look <= 3; look += 1) {
      writeFileSync(path, `ours:${SECRET}`, { mode: 0o600 });
      chmodSync(path, 0o600);
      const restore = afterLook(look, path, () => {
        rmSync(path);
        writeFileSync(path, `theirs:${SECRET}`, { mode: 0o644 });
      });
      let used = "none";
      try {
        used = reporterKey({ keyFile: path }, newUser())().id;
      } catch (error) {
        assert.ok(code("BAD_KEY_FILE")(error), String(error));
      } finally {
        restore();
      }
      assert.notEqual(used, "theirs", `it was replaced after look ${look}`);
    }
  });

  it("may be read by its group, which two service users share", posix, () => {
    const path = keyFile(`shared:${SECRET}`, 0o640);
    assert.deepEqual(balancerKeys({ keyFile: path }, newUser()).keys.ids(), ["shared"]);
    assert.equal(reporterKey({ keyFile: path }, newUser())().id, "shared");
  });

  it("that this user may not read is not called missing: the message names the user", noOtherUser, () => {
    const user = newUser();
    const path = systemKey(user);
    asNobody(() => {
      for (const find of [reporterKey({}, { ...user, home: null }), reporterKey({ keyFile: path }, user)]) {
        assert.throws(find, (error) => /user nobody\b/.test(String(error)) && String(error).includes(path));
      }
    });
  });

  it("must be a file with a key in it", () => {
    assert.throws(() => balancerKeys({ keyFile: root }, newUser()), /not a regular file/);
    const empty = keyFile("# nothing\n");
    assert.throws(() => balancerKeys({ keyFile: empty }, newUser()), /holds no key/);
    const identity = join(root, "identity");
    writeFileSync(identity, `private ${"B".repeat(42)}A\n`, { mode: 0o600 });
    assert.equal(balancerKeys({ keyFile: empty }, newUser()).keys.loaded.count, 0, "where reporters are invited");
    rmSync(empty);
    assert.equal(balancerKeys({ keyFile: empty }, newUser()).hint, null, "nor is one made there");
    assert.ok(!existsSync(empty));
    rmSync(identity);
    assert.throws(() => balancerKeys({ keyFile: join(root, "no", "such", "key") }, newUser()), /no such directory/);
  });

  it("that changed counts from the next look on; unchanged keys stay the same object", () => {
    const path = keyFile(`old:${SECRET}\nnew:${SECRET}\n`);
    const { keys } = balancerKeys({ keyFile: path }, newUser());
    const kept = keys.find("new");
    const loaded = [keys.loaded];
    keys.onChange = (now) => loaded.push(now);
    writeFileSync(path, `new:${SECRET}\nnewer:${SECRET}${SECRET}\n`);
    assert.equal(keys.find("old"), undefined);
    assert.equal(keys.find("new"), kept);
    assert.deepEqual(keys.ids(), ["new", "newer"]);
    writeFileSync(path, `new:${SECRET} max-weight=5\n`);
    assert.notEqual(keys.find("new"), kept, "other limits make it another key");
    assert.deepEqual(
      loaded,
      [2, 2, 1].map((count) => ({ count, file: path, reporters: 0, insecure: false })),
      "each change is told, with the number of keys",
    );
  });

  it("that became unusable leaves the keys read before valid, and one warning says so", () => {
    const path = keyFile(`web:${SECRET}\n`);
    const { keys } = balancerKeys({ keyFile: path }, newUser());
    const warnings: string[] = [];
    keys.onWarning = (message) => warnings.push(message);
    writeFileSync(path, "short\n");
    utimesSync(path, 1, 1);
    for (let look = 0; look < 3; look += 1) assert.equal(secretOf(keys.find("web")), SECRET);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /:1: .*fewer than 16 characters; the keys read before stay valid/);
    rmSync(path);
    for (let look = 0; look < 3; look += 1) assert.equal(secretOf(keys.find("web")), SECRET);
    assert.equal(warnings.length, 2);
    assert.equal(warnings[1], `key file ${path} is gone; the keys read before stay valid`);
    writeFileSync(path, `web:${SECRET}${SECRET}\n`, { mode: 0o600 });
    assert.equal(secretOf(keys.find("web")), SECRET + SECRET);
  });

  it("that could not be read counts once it can, though it has not changed since", posix, () => {
    const folder = newUser().state;
    const path = join(folder, "key");
    writeFileSync(path, `old:${SECRET}\nnew:${SECRET}\n`, { mode: 0o600 });
    const { keys } = balancerKeys({ keyFile: path }, newUser());
    const warnings: string[] = [];
    keys.onWarning = (message) => warnings.push(message);
    chmodSync(folder, 0o777); // as with anything else for which it is not read, such as having no descriptor left
    writeFileSync(path, `new:${SECRET}\n`);
    for (let look = 0; look < 3; look += 1) assert.equal(secretOf(keys.find("old")), SECRET);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /every user may replace it.*; the keys read before stay valid/);
    chmodSync(folder, 0o700);
    assert.equal(keys.find("old"), undefined);
    assert.deepEqual(keys.ids(), ["new"]);
    assert.equal(warnings.length, 1);
  });
});

describe("where keys are found", () => {
  const base: HostEnvironment = { platform: "linux", env: {}, home: "/home/u", etc: "/etc", state: "/var/lib" };
  const paths = (change: Partial<HostEnvironment>) => keyPlaces({ ...base, ...change }).map(({ path }) => path);

  it("depends on the system and the user", () => {
    assert.deepEqual(paths({}), ["/etc/harmony/key", "/home/u/.config/harmony/key", "/var/lib/harmony/key"]);
    assert.equal(paths({ env: { XDG_CONFIG_HOME: "/x" } })[1], "/x/harmony/key");
    assert.deepEqual(paths({ home: null }), ["/etc/harmony/key", "/var/lib/harmony/key"]);
    const unit = (STATE_DIRECTORY: string) => paths({ home: null, env: { STATE_DIRECTORY } }).slice(1);
    assert.deepEqual(unit("/var/lib/lb:/var/lib/more"), ["/var/lib/lb/key", "/var/lib/harmony/key"]);
    assert.deepEqual(unit("/var/lib/harmony"), ["/var/lib/harmony/key"]);
    const windows = { platform: "win32", home: "C:\\Users\\u" };
    assert.deepEqual(paths(windows), ["C:\\Users\\u\\AppData\\Roaming\\harmony\\key"]);
    assert.deepEqual(paths({ ...windows, env: { APPDATA: "D:\\data" } }), ["D:\\data\\harmony\\key"]);
  });

  it("is one place for both programs of a user: the balancer makes the key, the reporter finds it", () => {
    const user = newUser();
    const find = reporterKey({}, user);
    assert.throws(
      find,
      (error) =>
        code("NO_KEY")(error) && (error as { retry: boolean }).retry && /--key-file/.test((error as Error).message),
    );
    const { keys, hint } = balancerKeys({}, user);
    const [id] = keys.ids();
    assert.ok(id);
    assert.deepEqual(find(), keys.find(id));
    const path = join(user.home!, ".config", "harmony", "key");
    assert.ok(hint);
    assert.ok(
      hint.includes(path) &&
        hint.includes("scp") &&
        /another balancer, copy its key here .*\/key$/.test(hint) &&
        !hint.includes("\n"),
    );
    assert.ok(!hint.includes(find().secret));
    assert.ok(Buffer.from(find().secret, "base64url").length === 32);
    if (process.platform !== "win32") {
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal(statSync(join(user.home!, ".config", "harmony")).mode & 0o777, 0o700);
    }
    const again = balancerKeys({}, user);
    assert.equal(again.hint, null);
    assert.deepEqual(again.keys.find(id), find());
  });

  it("is the system's place when this user can read it, which the balancer never writes to", posix, () => {
    const user = newUser();
    const directory = join(user.etc, "harmony");
    balancerKeys({}, user);
    assert.ok(!existsSync(user.etc));
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "key"), `system:${SECRET}\n`, { mode: 0o600 });
    assert.deepEqual(balancerKeys({}, user).keys.ids(), ["system"]);
    assert.equal(reporterKey({}, user)().id, "system");
  });

  for (const [what, env] of [
    ["the service's own directory where its unit names one", { STATE_DIRECTORY: join(root, "unit") }],
    ["the common one of services otherwise", {}],
  ] as const) {
    it(`is, for a user without a home, ${what}: never a temporary one, which the next boot empties`, posix, () => {
      const user = newUser({ home: null, env });
      const { keys, hint } = balancerKeys({}, user);
      const path = join(env.STATE_DIRECTORY ?? join(user.state, "harmony"), "key");
      assert.ok(existsSync(path) && hint?.includes(path), hint ?? "no hint");
      assert.equal(reporterKey({}, user)().id, keys.ids()[0]);
      assert.equal(balancerKeys({}, user).hint, null, "it is found again");
    });
  }

  it("is a service's directory, too, when the home cannot be written to", posix, () => {
    const user = newUser();
    const home = join(user.home!, "file");
    writeFileSync(home, ""); // not a directory: fails for root as well
    const other = { ...user, home };
    const { keys } = balancerKeys({}, other);
    assert.equal(reporterKey({}, other)().id, keys.ids()[0]);
  });

  it("is refused, with what to do, where no place lasts", posix, () => {
    const state = join(root, "no-directory");
    writeFileSync(state, "");
    const error = refusal(() => balancerKeys({}, newUser({ home: null, state })));
    assert.equal(error.code, "NO_KEY");
    assert.ok(error.message.includes(state), error.message);
    for (const remedy of ["HARMONY_KEY", "--key-file", "StateDirectory=harmony"]) {
      assert.ok(error.message.includes(remedy), error.message);
    }
  });

  it(
    "is not another one when the system's key is there but not for this user: reporters hold that one",
    noOtherUser,
    () => {
      const user = newUser();
      const path = systemKey(user);
      for (const given of [{}, { keyFile: path }]) {
        const { code, message } = asNobody(() => refusal(() => balancerKeys(given, user)));
        assert.match(code, /^(NO_KEY|BAD_KEY_FILE)$/);
        assert.ok(/user nobody\b/.test(message) && message.includes(path), message);
      }
      assert.ok(!existsSync(join(user.home!, ".config")), "nothing was made");
    },
  );

  it("is the user's own, with a warning, where that is there and the system's may not be read", noOtherUser, () => {
    const user = newUser();
    const path = systemKey(user);
    const own = join(user.home!, ".config", "harmony", "key");
    mkdirSync(join(user.home!, ".config", "harmony"), { recursive: true });
    writeFileSync(own, `own:${SECRET}\n`, { mode: 0o640 });
    chmodSync(own, 0o640);
    const { keys, warning } = asNobody(() => balancerKeys({}, user));
    assert.deepEqual(keys.ids(), ["own"]);
    assert.ok(warning?.includes(path) && warning.includes(own), warning ?? "no warning");
    assert.equal(balancerKeys({}, { ...user, etc: join(root, "none") }).warning, null);
  });

  it("is beaten by HARMONY_KEY, which needs no file and makes none", () => {
    const user = newUser();
    const key = `env:${SECRET}`;
    const { keys, hint } = balancerKeys({ key, keyFile: keyFile(`file:${SECRET}`) }, user);
    assert.deepEqual(keys.ids(), ["env"]);
    assert.equal(hint, null);
    assert.equal(reporterKey({ key: `# ours\n${key}\n` }, user)().id, "env");
    assert.ok(!existsSync(join(user.home!, ".config")));
  });

  it("matters to an insecure balancer only if a key is there already", () => {
    const user = newUser();
    assert.deepEqual(balancerKeys({ insecure: true }, user).keys.ids(), ["insecure"]);
    assert.ok(!existsSync(join(user.home!, ".config")));
    const both = balancerKeys({ insecure: true, keyFile: keyFile(`file:${SECRET}`) }, user);
    assert.deepEqual(both.keys.ids(), ["insecure", "file"]);
    assert.deepEqual([both.keys.loaded.count, both.keys.loaded.insecure], [1, true], "that of --insecure is no key");
    assert.deepEqual(reporterKey({ insecure: true }, user)(), INSECURE_KEY);
    assert.equal(balancerKeys({ keyFile: keyFile(`file:${SECRET}`) }, user).keys.find("insecure"), undefined);
  });

  it("may be named: made when it is missing, in a directory that exists", () => {
    const path = join(root, "named-key");
    const { keys, hint } = balancerKeys({ keyFile: path }, newUser());
    assert.ok(hint?.includes(path));
    assert.equal(reporterKey({ keyFile: path }, newUser())().id, keys.ids()[0]);
    assert.ok(!readFileSync(path, "utf8").includes("undefined"));
  });
});

describe("a balancer that has invited somebody", () => {
  const invite = async (user: HostEnvironment, folder: string) => {
    const { invitations } = balancerKeys({ key: `other:${SECRET}` }, user);
    mkdirSync(folder, { recursive: true });
    const until = Date.now() + 60_000;
    await invitations.create({ name: "web", uses: 1, until, limits: {}, publicKey: new Uint8Array(32) });
  };

  it("makes no shared key, which nobody would use; it keeps what it has", posix, async () => {
    const user = newUser();
    const folder = join(user.home!, ".config", "harmony");
    await invite(user, folder);
    const { keys, invitations, hint, files } = balancerKeys({}, user);
    assert.equal(hint, null);
    assert.deepEqual(readdirSync(folder), ["invitations"]);
    assert.equal(files.reporters, join(folder, "reporters"));
    const id = invitations.open()[0]!.id;
    await invitations.redeem(id, new Uint8Array(32).fill(1));
    assert.deepEqual(keys.ids(), ["web"]);
    assert.equal(balancerKeys({}, user).hint, null);
    writeFileSync(join(folder, "key"), `shared:${SECRET}\n`, { mode: 0o600 });
    assert.deepEqual(balancerKeys({}, user).keys.ids(), ["shared", "web"]);
  });

  it(
    "has its files beside the key file, beside the named one of reporters, or where a key would be made",
    posix,
    () => {
      const user = newUser();
      const own = join(user.home!, ".config", "harmony");
      const places = (settings: Parameters<typeof balancerKeys>[0]) => balancerKeys(settings, user).files;
      assert.equal(places({ key: SECRET }).identity, join(own, "identity"));
      const named = keyFile(`a:${SECRET}`);
      assert.equal(places({ keyFile: named }).reporters, join(root, "reporters"));
      assert.equal(places({ keyFile: named }).like, named);
      const reporters = join(user.state, "ours");
      assert.deepEqual(places({ keyFile: named, reporters }), {
        reporters,
        identity: join(user.state, "identity"),
        invitations: join(user.state, "invitations"),
        seen: join(user.state, "seen"),
        revoked: join(user.state, "revoked"),
        like: user.state,
        reader: { platform: process.platform, actsFor: undefined },
      });
      systemKey(user);
      assert.equal(places({}).reporters, join(user.etc, "harmony", "reporters"));
    },
  );
});
