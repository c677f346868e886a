/** What has happened. */
import type { Event as Happened } from "../../../api/schemas/people.ts";
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { count, moment } from "../format.ts";
import { hashOf } from "../route.ts";
import { button, empty, field, options, section } from "./parts.ts";

/** Of them that the beginning shows. */
const RECENT = 8;
const FIRST = 200;
const LEVELS = ["info", "warning", "error"] as const;

export function recentEvents(app: App, events: readonly Happened[]): View {
  const all = h("a", { class: "aside", href: hashOf("events") }, "All events");
  return section("Recent events", "recent", all, list(app, events.slice(0, RECENT)));
}

export function eventsView(app: App): Child {
  const { events } = app.known;
  const text = (app.typed.get("events-text") ?? "").toLowerCase();
  const least = LEVELS.indexOf((app.typed.get("events-level") ?? "info") as Happened["level"]);
  const found = events.filter(
    (event) => LEVELS.indexOf(event.level) >= least && `${event.text} ${event.kind}`.toLowerCase().includes(text),
  );
  const most = Number(app.typed.get("events-most") ?? FIRST);
  const typed = (name: string, beginning: string) => ({
    value: app.typed.get(name) ?? beginning,
    oninput: (event: Event) => app.type(name, (event.target as HTMLInputElement).value),
  });
  return section(
    "Events",
    "events",
    h("p", { class: "aside" }, `the last ${count(events.length)}`),
    h(
      "div",
      { class: "filters" },
      field("Find", h("input", { type: "search", ...typed("events-text", "") })),
      field(
        "Level",
        h(
          "select",
          typed("events-level", "info"),
          ...options([
            ["info", "all"],
            ["warning", "warnings and errors"],
            ["error", "errors"],
          ]),
        ),
      ),
    ),
    list(app, found.slice(0, most)),
    found.length > most &&
      h(
        "p",
        { class: "more" },
        button("Show more", () => app.type("events-most", String(most * 2)), { kind: "quiet" }),
      ),
  );
}

function list(app: App, events: readonly Happened[]): View {
  if (events.length === 0) return empty("Nothing.");
  return h(
    "ol",
    { class: "events" },
    ...events.map(({ id, at, level, kind, text }) =>
      h(
        "li",
        { class: `event is-${level}`, key: id },
        h("time", { datetime: at }, moment(at, app.now)),
        h("span", { class: "event-level" }, level),
        h("span", { class: "event-text", title: kind }, text),
      ),
    ),
  );
}
