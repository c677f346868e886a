/** Pieces that several parts of the page are made of. */
import type { Target } from "../../../api/schemas/targets.ts";
import { type Child, h, type View } from "../dom.ts";

/** A shape for each, since colour alone tells not everyone something. */
const SHAPES: Readonly<Record<Target["state"], string>> = {
  up: "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1z",
  suspect: "M6 .8 11.6 11H.4z",
  draining: "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 1.6v6.8a3.4 3.4 0 0 1 0-6.8z",
  down: "M2.5 1 6 4.5 9.500 1 11 2.500 7.500 6 11 9.500 9.500 11 6 7.500 2.500 11 1 9.500 4.500 6 1 2.500z",
};

export function stateIcon(state: Target["state"]): View {
  const path = h("path", { d: SHAPES[state], "fill-rule": "evenodd" });
  return h("svg", { class: `icon is-${state}`, viewBox: "0 0 12 12", "aria-hidden": "true" }, path);
}

export function stateLabel(state: Target["state"]): View {
  return h("span", { class: `state is-${state}` }, stateIcon(state), h("span", null, state));
}

export function badge(text: string, title?: string): View {
  return h("span", { class: "badge", title }, text);
}

export interface ButtonOptions {
  readonly kind?: "plain" | "danger" | "primary" | "quiet";
  readonly label?: string;
  readonly disabled?: boolean;
  readonly key?: string;
}

export function button(
  text: string,
  onclick: () => void,
  { kind = "plain", label, disabled = false, key }: ButtonOptions = {},
): View {
  const props = { type: "button", class: `button ${kind}`, "aria-label": label, disabled, onclick };
  return h("button", key === undefined ? props : { ...props, key }, text);
}

export function section(title: string, id: string, aside: Child, ...children: Child[]): View {
  return h(
    "section",
    { class: "section", "aria-labelledby": `${id}-title`, key: id },
    h("header", { class: "section-head" }, h("h2", { id: `${id}-title` }, title), aside),
    ...children,
  );
}

export function empty(text: string): View {
  return h("p", { class: "empty" }, text);
}

/** Pairs of a word and what it is. */
export function facts(...pairs: readonly (readonly [string, Child])[]): View {
  return h(
    "dl",
    { class: "facts" },
    ...pairs.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))),
  );
}

export function field(label: string, control: View): View {
  return h("label", { class: "field" }, h("span", null, label), control);
}

export function options(values: readonly (readonly [value: string, text: string])[]): View[] {
  return values.map(([value, text]) => h("option", { value, key: value }, text));
}
