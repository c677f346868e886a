/** All that the page knows, and the one way to have it drawn. */
import type { Page } from "../../api/schemas/common.ts";
import type { Connection } from "../../api/schemas/connections.ts";
import type { Group, GroupTargets } from "../../api/schemas/group.ts";
import type { Event, Key, Reporter } from "../../api/schemas/people.ts";
import type { History, Listener, Pool } from "../../api/schemas/pools.ts";
import type { Me, Status } from "../../api/schemas/status.ts";
import type { Target } from "../../api/schemas/targets.ts";
import { Api } from "./api.ts";
import { type Child, patch } from "./dom.ts";
import { type Route, routeOf } from "./route.ts";

/** What the balancer has said. null: nothing yet. */
export interface Known {
  me: Me | null;
  status: Status | null;
  pools: readonly Pool[] | null;
  /** Of the pool that is shown. */
  targets: { readonly pool: string; readonly list: readonly Target[] } | null;
  /** How the connections of targets that are open divide over the group, by their names, or why that is not known. */
  shares: ReadonlyMap<string, GroupTargets | Error | null> | null;
  history: History | null;
  connections: Page<Connection> | null;
  listeners: readonly Listener[] | null;
  reporters: readonly Reporter[] | null;
  keys: readonly Key[] | null;
  group: Group | null;
  /** The newest first. */
  events: readonly Event[];
  /** Why the balancer does not tell what the address asks for, such as connections from something that is no address. */
  refused: string | null;
}

const NOTHING: Known = {
  me: null,
  status: null,
  pools: null,
  targets: null,
  shares: null,
  history: null,
  connections: null,
  listeners: null,
  reporters: null,
  keys: null,
  group: null,
  events: [],
  refused: null,
};

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
  readonly undo: (() => void) | null;
}

export interface Question {
  readonly title: string;
  readonly body: Child;
  readonly yes: string;
  readonly run: () => void;
}

export interface Sort {
  readonly column: string;
  readonly ascending: boolean;
}

/** ms that a notice stays: long enough to read it and reach for its button by keyboard. */
const NOTICE_MS = 15_000;

export class App {
  api = new Api(null);
  known: Known = { ...NOTHING };
  route: Route;
  /** `asking`: a token is being tried. */
  session: "none" | "asking" | "open" = "none";
  /** What to say at the door. */
  refusal: string | null = null;
  /** Since when, by this computer's clock, the balancer has not answered. */
  lost: { readonly since: number; readonly why: string } | null = null;
  /** When it last did. */
  heardAt = 0;
  notices: readonly Notice[] = [];
  question: Question | null = null;
  /** What has been opened, typed and sorted, by the name of the thing. */
  readonly opened = new Set<string>();
  readonly typed = new Map<string, string>();
  readonly sorts = new Map<string, Sort>();
  /** Acts under way, so that a second press does nothing. */
  readonly busy = new Set<string>();
  /** Has the balancer asked again, now. */
  refresh: () => void = () => undefined;

  readonly #root: Element;
  readonly #draw: (app: App) => Child;
  #planned = false;
  #notice = 0;

  constructor(root: Element, draw: (app: App) => Child) {
    this.#root = root;
    this.#draw = draw;
    this.route = routeOf(location.hash);
  }

  get mayAct(): boolean {
    return this.known.me?.right === "act";
  }

  /** ms since 1970 by the balancer's clock, which need not agree with this computer's. */
  get now(): number {
    const { status } = this.known;
    if (status === null) return Date.now();
    const since = this.lost === null ? Date.now() - this.heardAt : 0;
    return Date.parse(status.startedAt) + status.uptimeMs + since;
  }

  /** Draws it once the present task is done, however often it is called. */
  render(): void {
    if (this.#planned) return;
    this.#planned = true;
    // No animation frame: a page in the background has none, and its title is to be right.
    setTimeout(() => {
      this.#planned = false;
      patch(this.#root, [this.#draw(this)]);
      for (const dialog of this.#root.querySelectorAll<HTMLDialogElement>("dialog:not([open])")) dialog.showModal();
    });
  }

  forget(): void {
    this.known = { ...NOTHING };
    this.lost = null;
    this.question = null;
  }

  toggle(name: string): void {
    if (!this.opened.delete(name)) this.opened.add(name);
    this.render();
  }

  type(name: string, value: string): void {
    this.typed.set(name, value);
    this.render();
  }

  ask(question: Question): void {
    this.question = question;
    this.render();
  }

  notify(text: string, { bad = false, undo = null }: { bad?: boolean; undo?: (() => void) | null } = {}): void {
    const id = ++this.#notice;
    this.notices = [...this.notices.slice(-2), { id, text, bad, undo }];
    this.render();
    setTimeout(() => this.dismiss(id), NOTICE_MS);
  }

  dismiss(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
    this.render();
  }
}
