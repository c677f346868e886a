/**
 * What is to be seen, as a tree of plain values, and how the document is brought to it. Elements that stay are kept, with their
 * focus, their selection and their place: a page that is drawn anew each second must not move under the reader's hands.
 */

export interface Props {
  /** Among the children of one parent: the same key is the same element, wherever it has moved. */
  readonly key?: string | number;
  /** Custom properties and the like, set one by one: the page's policy allows no style in attributes. */
  readonly style?: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

export interface View {
  readonly tag: string;
  readonly props: Props;
  readonly children: readonly Child[];
  /** Its content is somebody else's: a chart. */
  readonly element?: Element;
}
/** What is false or null is not there. */
export type Child = View | string | number | null | undefined | false | readonly Child[];

export function h(tag: string, props: Props | null = null, ...children: readonly Child[]): View {
  return { tag, props: props ?? {}, children };
}

/** An element that someone else draws, where the tree wants it. */
export function held(element: Element): View {
  return { tag: element.localName, props: {}, children: [], element };
}

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "circle", "rect", "g"]);
/** Attributes tell what these were at the beginning; the properties what they are. */
const LIVE = new Set(["value", "checked", "open"]);

const shown = new WeakMap<Node, View>();

/** Makes the children of `parent` what `children` say. */
export function patch(parent: Element, children: readonly Child[]): void {
  const wanted = flat(children);
  const old = [...parent.childNodes];
  const keyed = new Map<unknown, ChildNode>();
  for (const node of old) {
    const key = keyOf(node);
    if (key !== undefined) keyed.set(key, node);
  }
  const rest = old.filter((node) => keyOf(node) === undefined);
  const nodes = wanted.map((child) => {
    const found = typeof child === "string" || identity(child) === undefined ? rest[0] : keyed.get(identity(child));
    if (found === undefined || !alike(found, child)) return made(child);
    if (found === rest[0]) rest.shift();
    return found;
  });
  const staying = new Set<Node>(nodes);
  for (const node of old) if (!staying.has(node)) node.remove();
  nodes.forEach((node, index) => {
    // Before it is there: a browser looks for the focus that an element asks for as it comes.
    update(node, wanted[index]!);
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
}

function flat(children: readonly Child[]): (View | string)[] {
  return children.flatMap((child): (View | string)[] => {
    if (child === null || child === undefined || child === false) return [];
    if (typeof child === "number") return [String(child)];
    if (typeof child === "string") return [child];
    return Array.isArray(child) ? flat(child as readonly Child[]) : [child as View];
  });
}

function identity(view: View): unknown {
  return view.element ?? view.props.key;
}

function keyOf(node: Node): unknown {
  const view = shown.get(node);
  return view === undefined ? undefined : identity(view);
}

function alike(node: Node, child: View | string): boolean {
  if (typeof child === "string") return node instanceof Text;
  return node instanceof Element && node.localName === child.tag;
}

function made(child: View | string): ChildNode {
  if (typeof child === "string") return document.createTextNode(child);
  if (child.element !== undefined) return child.element;
  return SVG_TAGS.has(child.tag) ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
}

function update(node: ChildNode, child: View | string): void {
  if (typeof child === "string") {
    if (node.nodeValue !== child) node.nodeValue = child;
    return;
  }
  const element = node as Element;
  const before = shown.get(element)?.props ?? {};
  shown.set(element, child);
  if (child.element !== undefined) return;
  for (const name in before) if (!(name in child.props)) set(element, name, null);
  // Children first: a select takes its value only once the option is there.
  patch(element, child.children);
  for (const name in child.props)
    if (child.props[name] !== before[name] || LIVE.has(name)) set(element, name, child.props[name]);
}

function set(element: Element, name: string, value: unknown): void {
  if (name === "key") return;
  if (name === "style") style(element as HTMLElement, value as Props["style"]);
  else if (name.startsWith("on") || LIVE.has(name)) {
    const properties = element as unknown as Record<string, unknown>;
    if (properties[name] !== value) properties[name] = value;
  } else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

function style(element: HTMLElement, wanted: Props["style"]): void {
  for (const name in wanted) element.style.setProperty(name, wanted[name]!);
}
