/** The door. */
import type { App } from "../app.ts";
import { h, type View } from "../dom.ts";
import { field } from "./parts.ts";

export function signInView(app: App, signIn: (token: string) => void): View {
  const asking = app.session === "asking";
  return h(
    "main",
    { class: "door", id: "main" },
    h("h1", null, "Harmony"),
    h(
      "form",
      {
        class: "door-form",
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          const input = (event.target as HTMLFormElement).querySelector("input")!;
          signIn(input.value.trim());
        },
      },
      field(
        "Token",
        h("input", {
          type: "password",
          name: "token",
          required: true,
          autocomplete: "off",
          autofocus: true,
          spellcheck: "false",
          "aria-describedby": "door-problem",
        }),
      ),
      h("button", { type: "submit", class: "button primary", disabled: asking }, asking ? "Asking …" : "Sign in"),
      h("p", { id: "door-problem", class: "problem", role: "alert" }, app.refusal ?? ""),
    ),
    h(
      "div",
      { class: "door-help" },
      h(
        "p",
        null,
        h("code", null, "harmony-balancer dashboard"),
        " on the balancer's machine prints a link that signs you in.",
      ),
      h(
        "p",
        null,
        "Tokens lie beside the balancer's key: ",
        h("code", null, "token-read"),
        " may look, ",
        h("code", null, "token-act"),
        " may also act. A token is forgotten when this tab is closed.",
      ),
    ),
  );
}
