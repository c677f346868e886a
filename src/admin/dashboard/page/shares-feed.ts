/**
 * Asks how the connections of targets that are open on the page divide over the group. By itself: the balancer waits for the others' answers,
 * and nothing else on the page waits with it.
 */
import type { GroupTargets } from "../../api/schemas/group.ts";
import type { App } from "./app.ts";

/** Targets whose details somebody can look at. */
const MOST = 10;

export class SharesFeed {
  readonly #app: App;
  #isAsking = false;

  constructor(app: App) {
    this.#app = app;
  }

  /** Of those that are open now, unless that is being asked already. */
  ask(): void {
    const { known, opened, route } = this.#app;
    const open = (known.targets?.list ?? []).filter(({ id }) => opened.has(id)).slice(0, MOST);
    if (this.#isAsking || route.view !== "pools" || !seesGroup(this.#app) || open.length === 0) return;
    this.#isAsking = true;
    void this.#askOf(open.map(({ id }) => id)).finally(() => {
      this.#isAsking = false;
    });
  }

  async #askOf(ids: readonly string[]): Promise<void> {
    const answers = await Promise.all(ids.map(async (id) => [id, await this.#answerOf(id)] as const));
    this.#app.known.shares = new Map(answers);
    this.#app.render();
  }

  async #answerOf(target: string): Promise<GroupTargets | Error | null> {
    try {
      return await this.#app.api.get<GroupTargets | null>("/v1/group/targets", { target });
    } catch (error) {
      return error as Error;
    }
  }
}

/** Who sees one pool alone sees no other balancers. */
export function seesGroup({ known: { me, status } }: App): boolean {
  return me?.pool === null && status !== null && status.group !== null;
}
