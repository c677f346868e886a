/** What an operator can do here. What can be taken back is done at once and offers to undo it; what cannot is asked about before. */
import type { Steps } from "../../api/schemas/acts.ts";
import type { Order, Target } from "../../api/schemas/targets.ts";
import { targetPath } from "../../shared/target-path.ts";
import type { App } from "./app.ts";
import { h } from "./dom.ts";
import { counted } from "./format.ts";

/** One at a time of each name; whatever goes wrong is said. */
async function act(app: App, name: string, run: () => Promise<void>): Promise<void> {
  if (app.busy.has(name)) return;
  app.busy.add(name);
  app.render();
  try {
    await run();
  } catch (error) {
    app.notify(`${name}: ${(error as Error).message}`, { bad: true });
  } finally {
    app.busy.delete(name);
    app.refresh();
    app.render();
  }
}

type OrderState = NonNullable<Order["state"]>;
const SAID: Readonly<Record<OrderState, string>> = {
  drain: "gets no new connections",
  maintain: "is in maintenance",
};

/** null: what was ordered is taken back, and others decide again. */
export function orderState(app: App, target: Target, state: OrderState | null, reason?: string): void {
  const before = target.order;
  void act(app, target.id, async () => {
    await put(app, target, state, reason);
    const undo = () =>
      void act(app, target.id, async () => {
        await put(app, target, before?.state ?? null, before?.reason ?? undefined);
        app.notify(`${target.id} is as it was before.`);
      });
    app.notify(`${target.id} ${state === null ? "is no longer held back by an order" : SAID[state]}.`, { undo });
  });
}

async function put(app: App, target: Target, state: OrderState | null, reason?: string): Promise<void> {
  const body = reason ? { reason } : {};
  show(app, await app.api.act<Target>("POST", `${targetPath(target)}/${state ?? "ready"}`, body));
}

/** null takes it back. */
export function orderWeight(app: App, target: Target, factor: number | null, reason?: string): void {
  const before = target.order?.factor ?? null;
  const set = async (to: number | null, why?: string): Promise<void> => {
    const body = { factor: to, ...(why ? { reason: why } : {}) };
    show(app, await app.api.act<Target>("PUT", `${targetPath(target)}/weight`, body));
  };
  void act(app, target.id, async () => {
    await set(factor, reason);
    const undo = () => void act(app, target.id, () => set(before, target.order?.reason ?? undefined));
    app.notify(
      factor === null ? `${target.id} has its own weight again.` : `${target.id} has its weight times ${factor}.`,
      { undo },
    );
  });
}

/** The answer is newer than the last round. */
function show(app: App, target: Target): void {
  const { targets } = app.known;
  if (targets?.pool !== target.pool) return;
  const list = targets.list.map((each) => (each.id === target.id ? target : each));
  app.known.targets = { pool: target.pool, list };
}

export interface Kill {
  readonly id?: string;
  readonly target?: string;
  readonly client?: string;
  readonly pool?: string;
}

/** `what` completes "Cut …". */
export function askToKill(app: App, filter: Kill, what: string): void {
  app.ask({
    title: `Cut ${what}?`,
    body: h("p", null, "Client and target both get a reset. What they were doing is lost; this cannot be undone."),
    yes: "Cut",
    run: () =>
      void act(app, "Cut", async () => {
        const { killed } = await app.api.act<{ killed: number }>("POST", "/v1/connections/kill", filter);
        app.notify(killed === 0 ? "None was open any more." : `${counted(killed, "connection")} cut.`);
      }),
  });
}

/** Shows what a reload would change before it does. */
export function askToReload(app: App): void {
  void act(app, "Reload", async () => {
    const { file, steps } = await app.api.act<Steps>("POST", "/v1/compare");
    const body =
      steps.length === 0
        ? h("p", null, `${file ?? "The document"} says what is in force: nothing would change.`)
        : h("ul", { class: "steps" }, ...steps.map(({ text }) => h("li", null, text)));
    app.ask({
      title: steps.length === 0 ? "Reload all the same?" : `Reload, with ${counted(steps.length, "change")}?`,
      body,
      yes: "Reload",
      run: () =>
        void act(app, "Reload", async () => {
          const done = await app.api.act<Steps>("POST", "/v1/reload");
          app.notify(`Reloaded: ${counted(done.steps.length, "change")}.`);
        }),
    });
  });
}

/** null takes it back. */
export function orderLogLevel(app: App, level: string | null): void {
  const before = app.known.status?.logLevel.ordered ?? null;
  const set = (to: string | null) => app.api.act<unknown>("PUT", "/v1/log-level", { level: to });
  void act(app, "Log level", async () => {
    await set(level);
    const undo = () => void act(app, "Log level", async () => void (await set(before)));
    app.notify(level === null ? "The log is as configured again." : `The log tells ${level} and above.`, { undo });
  });
}
