/** What lies over the page: a question before something that cannot be undone, and notices of what was done. */
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { button } from "./parts.ts";

export function over(app: App): Child {
  return [dialog(app), notices(app)];
}

function dialog(app: App): Child {
  const { question } = app;
  if (question === null) return null;
  const close = (event: Event) => (event.target as Element).closest("dialog")?.close();
  return h(
    "dialog",
    {
      key: "question",
      class: "dialog",
      "aria-labelledby": "question-title",
      // Closed in whatever way: the browser gives the focus back to where it was.
      onclose: () => {
        app.question = null;
        app.render();
      },
    },
    h("h2", { id: "question-title" }, question.title),
    h("div", { class: "dialog-body" }, question.body),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "button plain", onclick: close, autofocus: true }, "Leave it"),
      h(
        "button",
        {
          type: "button",
          class: "button primary",
          onclick: (event: Event) => {
            close(event);
            question.run();
          },
        },
        question.yes,
      ),
    ),
  );
}

function notices(app: App): View {
  return h(
    "div",
    { class: "notices", key: "notices", role: "log", "aria-label": "What was done" },
    ...app.notices.map(({ id, text, bad, undo }) =>
      h(
        "div",
        { class: bad ? "notice is-bad" : "notice", key: id },
        h("p", null, text),
        undo !== null &&
          button("Undo", () => {
            app.dismiss(id);
            undo();
          }),
        button("Dismiss", () => app.dismiss(id), { kind: "quiet", label: "Dismiss this notice" }),
      ),
    ),
  );
}
