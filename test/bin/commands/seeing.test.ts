/** Commands that show: tables for people, JSON for programs, exit codes for scripts. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { GroupTargets } from "../../../src/admin/api/schemas/group.ts";
import type { Event } from "../../../src/admin/api/schemas/people.ts";
import type { Target } from "../../../src/admin/api/schemas/targets.ts";
import { linkFrom } from "../../../src/bin/commands/dashboard.ts";
import { certificate, certificateFiles, renewedFiles } from "../../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { fakeGroup } from "../../support/operated/group.ts";
import { endPrograms } from "../../support/program.ts";
import { until } from "../../support/wait.ts";
import { SECRETS, Served } from "./served.ts";

let served: Served;

beforeEach(async () => {
  served = new Served();
  await served.listen();
});
afterEach(async () => {
  await endPrograms();
  await served.close();
  assert.deepEqual(served.faults, []);
});
after(removeFolders);

function fileWith(text: string): string {
  const path = join(temporaryFolder("token"), "token");
  writeFileSync(path, `${text}\n`);
  return path;
}

describe("status", () => {
  it("shows the balancer and its pools, and says by its code whether it serves", async () => {
    const { code, stdout, stderr } = await served.run("status");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^harmony-balancer 2\.0\.0 on lb-1, serving for 3d00h \(pid \d+\)\n/);
    assert.match(stdout, /\nPOOL +LISTENS AT/);
    assert.match(stdout, /\ndb +10\.0\.0\.2:5432/);
    assert.ok(!stdout.includes("\x1b"));
    served.operated.ready = false;
    const quiet = await served.run("status", "-q");
    assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [1, "", "it is stopping\n"]);
    const loud = await served.run("status");
    assert.equal(loud.code, 1);
    assert.match(loud.stdout, /\n! it is stopping, and takes no new clients\n/);
  });

  it("keeps to the width that there is, and is whole where none is given", async () => {
    const { stdout } = await served.runWith({ COLUMNS: "50" }, "targets");
    assert.ok(stdout.split("\n").every((text) => text.length <= 50));
    assert.match(stdout, /TARGET .* STATE .* ACTIVE/);
    assert.match((await served.run("targets")).stdout, /WHY\n/);
  });

  it("is JSON as the API has it, once or again and again", async () => {
    const { status, pools } = JSON.parse((await served.run("status", "--json")).stdout);
    assert.deepEqual([status.name, pools.length], ["harmony-balancer", 3]);
    const watched = served.start(["targets", "--json", "--watch", "50ms"]);
    assert.ok(Array.isArray(await watched.prints(2)));
  });
});

describe("targets", () => {
  it("are shown in full by their names, and listed by names alone for shells", async () => {
    const one = await served.run("targets", "web-1");
    assert.match(one.stdout, /^web\/web-1 {2}up\n {2}address {5}10\.0\.0\.11:8080 \(registered\)\n/);
    assert.match(one.stdout, /\n {2}VERDICT +SAYS +FOR +WHY\n {2}reported +up +/);
    assert.equal(
      (await served.run("targets", "--names", "--pool", "db")).stdout,
      "db/10.0.0.5:5432\ndb/10.0.0.6:5432\n",
    );
  });

  it("that are not there are 3, as is a pool; a word that may be several is 2", async () => {
    const none = await served.run("targets", "nope");
    assert.deepEqual([none.code, none.stdout], [3, ""]);
    assert.match(none.stderr, /no target is called nope/);
    assert.equal((await served.run("targets", "--pool", "nope")).code, 3);
    const several = await served.run("targets", "5432");
    assert.equal(several.code, 2);
    assert.match(several.stderr, /5432 may be db\/10\.0\.0\.5:5432, db\/10\.0\.0\.6:5432: say which/);
  });
});

describe("targets of the group", () => {
  it("have a column for each balancer, and say which does not answer; they are 3 where there is no group", async () => {
    const none = await served.run("targets", "--group");
    assert.deepEqual([none.code, none.stdout], [3, ""]);
    assert.match(none.stderr, /^harmony-balancer targets: this balancer is in no group: /);
    served.operated.inGroup = fakeGroup(Date.now() - 60_000);
    const { code, stdout } = await served.run("targets", "--group", "--pool", "web");
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines[0], "! lb-3:1666 does not answer: what it has is not known");
    assert.match(lines[1]!, /^TARGET +STATE +CONN\/S +ACTIVE +lb-1:1666\* +lb-2:1666 +lb-3:1666$/);
    const [, sum, own, other] = /^web\/web-1 +up +\S+ +(\d+)\+ +(\d+) +(\d+) +\?$/.exec(lines[2]!)!;
    assert.deepEqual([Number(sum), Number(other)], [Number(own) + Number(other), Number(own) + 3]);
    assert.match(lines.at(-1)!, /^\* is the balancer that was asked; \? is not known/);
    assert.equal(lines.length, 7);
    const named = JSON.parse((await served.run("targets", "web-2", "--group", "--json")).stdout);
    assert.deepEqual([named.items.map(({ id }: Target) => id), named.balancers.length], [["web/web-2"], 3]);
    assert.equal((await served.run("targets", "nope", "--group")).code, 3);
    const watched = served.start(["targets", "--group", "--json", "--watch", "50ms"]);
    assert.ok(((await watched.prints(1)) as GroupTargets).items.length > 0);
  });

  it("fold the balancers that find no room into one column", async () => {
    served.operated.inGroup = fakeGroup(Date.now());
    const { stdout } = await served.runWith({ COLUMNS: "66" }, "targets", "--group");
    const lines = stdout.trimEnd().split("\n").slice(1, -1);
    assert.ok(lines.every((text) => text.length <= 66));
    assert.match(lines[0]!, /^TARGET +STATE +ACTIVE +lb-1\S+ +2 OTHERS$/);
    assert.match(lines[1]!, /^web\/web-1 +up +\d+\+ +\d+ +\d+\+$/);
  });
});

describe("listeners", () => {
  it("are listed with their pools, and with who was turned away there, the most frequent reason first", async () => {
    const { code, stdout } = await served.run("listeners");
    assert.equal(code, 0);
    assert.match(stdout, /^LISTENER +ADDRESS +POOLS +CERTIFICATE UNTIL +LISTS, LIMITS +REFUSED\n/);
    assert.match(stdout, /\nweb +0\.0\.0\.0:443 +web +2027-02-01 +2\.\d+ MB +1204 denied, 37 client-rate\n/);
    assert.match(stdout, /\ndb +10\.0\.0\.2:5432 +db +- +- +-\n/);
    const [first] = JSON.parse((await served.run("listeners", "--json")).stdout);
    assert.deepEqual([first.name, first.refusals.denied], ["web", 1204]);
  });
});

describe("group", () => {
  it("lists its balancers, as do status and JSON, and is 3 where there is none", async () => {
    const none = await served.run("group");
    assert.deepEqual([none.code, none.stdout], [3, ""]);
    assert.match(none.stderr, /^harmony-balancer group: this balancer is in no group: /);
    served.operated.inGroup = fakeGroup(Date.now() - 60_000);
    const { code, stdout } = await served.run("group");
    assert.equal(code, 0);
    assert.match(stdout, /^group harmony at redis:\/\/10\.0\.0\.5:6379\/0, connected for 1m\d\ds; 12 targets /);
    assert.match(stdout, /\nlb-1:1666 +2\.0\.0 +present\* +- /);
    const { members } = JSON.parse((await served.run("group", "--json")).stdout);
    assert.deepEqual([members.length, members[2].state], [3, "gone"]);
    assert.match((await served.run("status")).stdout, /\ngroup +harmony at .* 3 balancers, 1 of them gone; /);
  });
});

describe("connections", () => {
  it("are filtered, sorted and cut, with how many there are", async () => {
    const { stdout } = await served.run("connections", "-n", "2", "--sort", "bytes", "--pool", "web");
    const lines = stdout.trimEnd().split("\n");
    assert.match(lines[0]!, /^ID +CLIENT +POOL +TARGET/);
    assert.equal(lines.length, 4);
    assert.match(lines[3]!, /^2 of \d+: see more/);
    const all = JSON.parse((await served.run("connections", "--all", "--json", "--target", "web-1")).stdout);
    assert.ok(all.items.length > 0 && all.items.every(({ target }: { target: string }) => target === "web/web-1"));
    const named = JSON.parse((await served.run("connections", "--json", "--server-name", "www.example.com")).stdout);
    assert.ok(named.items.length > 0 && named.items.every(({ pool }: { pool: string }) => pool === "web"));
    const [first, second] = JSON.parse((await served.run("connections", "--json", "-r")).stdout).items;
    assert.ok(first.ageMs <= second.ageMs);
  });

  it("of a pool that is not there are 3, as those of a target", async () => {
    const none = await served.run("connections", "--pool", "nope");
    assert.deepEqual([none.code, none.stdout], [3, ""]);
    assert.match(none.stderr, /there is no pool "?nope/);
    assert.equal((await served.run("connections", "--target", "nope")).code, 3);
    const quiet = await served.run("connections", "--pool", "db", "--min-age", "20d");
    assert.deepEqual([quiet.code, quiet.stdout], [0, "no connections\n"]);
  });
});

describe("events", () => {
  it("are the last ones, of a level and a pool", async () => {
    const { stdout } = await served.run("events", "-n", "1");
    assert.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}error {4}not reloaded/);
    const warnings = (await served.run("events", "--level", "warning", "--json")).stdout.trim().split("\n");
    assert.ok(warnings.map((text): Event => JSON.parse(text)).every(({ level }) => level !== "info"));
  });

  it("are followed, also over the end of the balancer, which is said", async () => {
    const program = served.start(["events", "-f", "-n", "0", "--json"]);
    await until("a follower", () => served.operated.followers > 0);
    served.operated.tell("targetUp", "info", "target web/new is up", "web", "web/new");
    assert.equal(((await program.prints(0)) as Event).text, "target web/new is up");
    const { socket } = served;
    await served.close();
    await until("the loss to be told", () => /gave no answer.*waiting for it/s.test(program.stderr));
    served = new Served();
    Object.assign(served, { socket });
    await served.listen();
    await until("the return to be told", () => program.stderr.includes("the balancer is back"));
    await until("a follower", () => served.operated.followers > 0);
  });
});

describe("a balancer at an address", () => {
  it("has its dashboard where whoever asks has reached it; over the socket, where the balancer says", () => {
    const said = "https://10.9.0.1:1667/#code=abc";
    assert.equal(linkFrom("https://balance.mydomain:1667", said), "https://balance.mydomain:1667/#code=abc");
    assert.equal(linkFrom("https://example.org/lb/", said), "https://example.org/lb/#code=abc");
    assert.equal(linkFrom("/run/harmony/api.sock", said), said);
  });

  it("that is not there is looked for there, not on this machine", async () => {
    const { url } = served;
    await served.close();
    const { code, stderr } = await served.run("status", "--api", url, "--token-file", fileWith(SECRETS.read));
    assert.equal(code, 1);
    assert.match(stderr, /no balancer answers: http\S+ \(nobody listens there\)\. Does it run there/);
  });

  it("takes a token, and does no more than that allows", async () => {
    const read = fileWith(SECRETS.read);
    const asked = await served.run("targets", "--json", "--api", served.url, "--token-file", read);
    assert.equal((JSON.parse(asked.stdout) as Target[]).length, 9);
    const refused = await served.run("drain", "web-1", "--api", served.url, "--token-file", read);
    assert.deepEqual([refused.code, refused.stdout], [2, ""]);
    assert.match(refused.stderr, /token "watcher" may read only/);
    assert.deepEqual(served.operated.asked, []);
  });

  it("shows a token of one pool that pool alone", async () => {
    const args = ["--api", served.url.replace(/^http:\/\/|\/$/g, ""), "--token-file", fileWith(SECRETS.web)];
    assert.match((await served.run("targets", "--names", ...args)).stdout, /^(web\/\S+\n)+$/);
    assert.equal((await served.run("targets", "mq-1", ...args)).code, 3);
  });

  it("is not asked without a token, nor with one that is wrong, which is in no message", async () => {
    const without = await served.run("status", "--api", served.url);
    assert.equal(without.code, 2);
    assert.match(without.stderr, /takes a token: name its file with --token-file/);
    const secret = "x".repeat(40);
    const wrong = await served.run("status", "--api", served.url, "--token-file", fileWith(secret));
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /there is no such token/);
    assert.ok(!wrong.stderr.includes(secret));
    const empty = await served.run("status", "--api", served.url, "--token-file", fileWith(""));
    assert.match(empty.stderr, /has to hold one token and nothing else/);
  });
});

describe("a balancer at https://", { skip: !runtime.can.tls && `${runtime.name} has no TLS here` }, () => {
  const ask = (...args: string[]) => served.run("targets", "--names", "--pool", "db", "--api", url(), ...args);
  const url = () => served.url.replace("127.0.0.1", "localhost");

  beforeEach(async () => {
    await served.close();
    served = new Served();
    await served.listen(certificate);
  });

  it("is asked where an authority has signed its certificate that --api-ca names", async () => {
    const token = ["--token-file", fileWith(SECRETS.read)];
    const { code, stdout, stderr } = await ask(...token, "--api-ca", certificateFiles.ca);
    assert.deepEqual([code, stdout, stderr], [0, "db/10.0.0.5:5432\ndb/10.0.0.6:5432\n", ""]);
  });

  it("gets no token where that is not so", async () => {
    const token = ["--token-file", fileWith(SECRETS.read)];
    for (const other of [[], ["--api-ca", renewedFiles.ca]]) {
      const { code, stdout, stderr } = await ask(...token, ...other);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /the balancer at https:\/\/localhost:\d+ gave no answer: .*(certificate|issuer)/i);
    }
    const bad = await ask(...token, "--api-ca", fileWith("no certificate"));
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /--api-ca/);
  });
});

describe("no balancer", () => {
  it("is 1, with the sockets that were tried, and what to do", async () => {
    const nowhere = join(temporaryFolder("nowhere"), "api.sock");
    const { code, stderr } = await served.run("status", "--api", `unix:${nowhere}`);
    assert.equal(code, 1);
    assert.ok(stderr.includes(`no balancer answers: ${nowhere} (no such socket`), stderr);
    assert.match(stderr, /Say where with --api unix:PATH/);
    assert.equal((await served.run("status", "--api", "off")).code, 2);
  });

  it("is told apart from something else that answers", async () => {
    const { code, stderr } = await served.run(
      "status",
      "--api",
      `${served.url}elsewhere`,
      "--token-file",
      fileWith(SECRETS.act),
    );
    assert.equal(code, 2);
    assert.match(stderr, /status 404, which no balancer does: is that the right address\?/);
  });
});
