/** `top`, --watch and --wait on a terminal. */
import assert from "node:assert/strict";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { removeFolders } from "../../support/folder.ts";
import { fakeGroup } from "../../support/operated/group.ts";
import { until, within } from "../../support/wait.ts";
import { noTerminal, OnTerminal } from "./on-terminal.ts";
import { Served } from "./served.ts";

const LEAVE = "\x1b[?1049l";

let served: Served;

beforeEach(async () => {
  served = new Served();
  await served.listen();
});
afterEach(() => served.close());
after(removeFolders);

describe("top", { skip: noTerminal }, () => {
  it("shows targets and connections, sorted as keys say, and leaves the terminal as it was", async () => {
    const top = new OnTerminal(served.socket, ["top", "--every", "100ms"]);
    await top.shows("web/web-1");
    await top.shows("q quit");
    const first = top.take().length;
    await top.shows("\x1b[3;");
    assert.ok(top.take().length < first / 2, "a later frame writes less");
    top.press("\t");
    await top.shows("CLIENT");
    top.press("\x1b[C");
    await top.shows("(IDLE)");
    top.press("q");
    assert.equal(await within("its end", top.exited), 0);
    assert.ok(top.text.includes(LEAVE) && !top.text.slice(top.text.indexOf(LEAVE)).includes("web"));
  });

  it("says when it has lost the balancer, and goes on when that is back", async () => {
    const top = new OnTerminal(served.socket, ["top", "--every", "50ms"]);
    await top.shows("web/web-1");
    const { socket } = served;
    await served.close();
    await top.shows("lost the balancer, trying again");
    top.take();
    served = Object.assign(new Served(), { socket });
    await served.listen();
    await top.shows("q quit");
    top.press("\x03");
    assert.equal(await within("its end", top.exited), 0);
    assert.ok(top.text.includes(LEAVE));
  });

  it("has a line of the group where there is one", async () => {
    served.operated.inGroup = fakeGroup(Date.now());
    const top = new OnTerminal(served.socket, ["top", "--every", "50ms"]);
    await top.shows("group: harmony at redis://10.0.0.5:6379/0, connected; 3 balancers, 1 of them gone");
    top.press("q");
    assert.equal(await within("its end", top.exited), 0);
  });

  it("takes a terminal", async () => {
    const { code, stderr } = await served.run("top");
    assert.equal(code, 2);
    assert.match(stderr, /top takes a terminal: harmony-balancer targets --watch/);
  });
});

describe("drain --wait on a terminal", { skip: noTerminal }, () => {
  it("shows a bar that moves as connections go, over the loss of the balancer, and then only that they have gone", async () => {
    let active = 4;
    const operate = () => {
      const { operated } = served;
      const [order, targets] = [operated.order.bind(operated), operated.targets.bind(operated)];
      operated.order = async (...args) => ({ ...(await order(...args)), active });
      operated.targets = async (...args) => (await targets(...args)).map((each) => ({ ...each, active }));
    };
    operate();
    const drain = new OnTerminal(served.socket, ["drain", "web-1", "--wait"]);
    const screen = () => drain.text.replaceAll("\r\x1b[K", "¬"); // a line begins anew
    const shows = (pattern: RegExp) => until(`${pattern} on the terminal`, () => pattern.test(screen()));
    await shows(/¬[░.]{30} 4 of 4 connections left, \d+m?s/);
    active = 1;
    await shows(/¬[█#]{23}[░.]{7} 1 of 4 connections left, /);
    const { socket } = served;
    await served.close();
    await shows(/¬no balancer answers|¬the balancer at .* gave no answer/);
    await shows(/waiting for it/);
    served = Object.assign(new Served(), { socket });
    operate();
    active = 0;
    await served.listen();
    assert.equal(await within("its end", drain.exited), 0);
    assert.match(screen(), /¬web\/web-1: drained, the last connection has gone after \S+\s+$/);
  });
});

describe("--watch on a terminal", { skip: noTerminal }, () => {
  it("redraws in place until q", async () => {
    const watched = new OnTerminal(served.socket, ["status", "--watch", "100ms"]);
    await watched.shows("harmony-balancer 2.0.0");
    watched.press("q");
    assert.equal(await within("its end", watched.exited), 0);
    assert.ok(watched.text.includes(LEAVE));
  });
});
