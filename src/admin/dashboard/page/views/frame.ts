/** What stands around everything: which balancer this is, whether it answers, where one can go, and what needs attention. */
import type { Me, Status } from "../../../api/schemas/status.ts";
import type { App } from "../app.ts";
import { type Attention, attention } from "../attention.ts";
import { type Child, h, type View } from "../dom.ts";
import { span } from "../format.ts";
import { hashOf, type ViewName } from "../route.ts";
import { button } from "./parts.ts";

const NAMES: Readonly<Record<ViewName, string>> = {
  pools: "Pools",
  connections: "Connections",
  events: "Events",
  system: "System",
};

export function frame(app: App, content: Child, signOut: () => void): View {
  const { status, pools, me } = app.known;
  return h(
    "div",
    { class: app.lost === null ? "frame" : "frame is-lost" },
    h("a", { class: "skip", href: "#main", onclick: skip }, "To the content"),
    h(
      "header",
      { class: "top" },
      h(
        "div",
        { class: "top-line" },
        h("h1", { class: "brand" }, "Harmony"),
        status !== null && h("span", { class: "host" }, status.host),
        h("span", { class: "spring" }),
        h("span", { class: "live", role: "status" }, mark(app), h("span", null, liveText(app))),
      ),
      h(
        "div",
        { class: "top-line second" },
        navigation(app),
        h("span", { class: "spring" }),
        me !== null && h("span", { class: "who" }, whoText(me)),
        button("Sign out", signOut, { kind: "quiet" }),
      ),
    ),
    app.lost !== null && lostBanner(app),
    app.known.refused !== null && h("p", { class: "banner is-error", role: "alert" }, app.known.refused),
    h(
      "main",
      { id: "main", tabindex: -1 },
      status !== null && pools !== null && attentionList(attention(status, pools)),
      content,
    ),
    footer(status),
  );
}

/** The browser would take its address for a place in the page, which the address has another meaning for here. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function whoText({ name, right, pool }: Me): string {
  return `${name}: ${right === "act" ? "may act" : "read only"}${pool === null ? "" : `, pool ${pool}`}`;
}

function mark(app: App): View {
  return h("i", { class: app.lost === null ? "live-mark" : "live-mark is-off", "aria-hidden": "true" });
}

function liveText(app: App): string {
  if (app.lost !== null) return "no answer";
  return app.known.status === null ? "connecting" : "live";
}

function lostBanner({ lost, heardAt }: App): View {
  const { since, why } = lost!;
  const last = heardAt === 0 ? "" : ` What you see is from ${new Date(heardAt).toLocaleTimeString("en-GB")}.`;
  const text = `The balancer ${why} since ${new Date(since).toLocaleTimeString("en-GB")}.${last} This page goes on trying.`;
  return h("p", { class: "banner is-error", role: "alert" }, text);
}

function navigation(app: App): View {
  const names = Object.entries(NAMES) as [ViewName, string][];
  return h(
    "nav",
    { class: "nav", "aria-label": "Parts of the page" },
    ...names.map(([view, name]) =>
      h("a", { href: hashOf(view), key: view, "aria-current": app.route.view === view ? "page" : null }, name),
    ),
  );
}

function attentionList(found: readonly Attention[]): View {
  if (found.length === 0) return h("p", { class: "all-well" }, "All is well.");
  return h(
    "ul",
    { class: "attention", "aria-label": "What needs attention" },
    ...found.map(({ level, text, href }) =>
      h(
        "li",
        { class: `is-${level}`, key: text },
        h("span", { class: "attention-level" }, level === "info" ? "note" : level),
        h("a", { href }, text),
      ),
    ),
  );
}

function footer(status: Status | null): Child {
  if (status === null) return null;
  const { name, version, engine, uptimeMs, document } = status;
  return h(
    "footer",
    { class: "foot" },
    `${name} ${version}, engine ${engine.name}, up for ${span(uptimeMs)}${document.file === null ? "" : `, ${document.file}`}`,
  );
}
