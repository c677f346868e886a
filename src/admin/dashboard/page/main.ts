/** Begins: signs in, shows what the address says, and keeps asking. */
import type { Me } from "../../api/schemas/status.ts";
import { Api, Refused } from "./api.ts";
import { App } from "./app.ts";
import { type Child, h } from "./dom.ts";
import { EventFeed } from "./event-feed.ts";
import { Feed } from "./feed.ts";
import { routeOf, type ViewName } from "./route.ts";
import { forgetToken, isCode, keepToken, storedToken, takeCode } from "./session.ts";
import { connectionsView } from "./views/connections.ts";
import { eventsView } from "./views/events.ts";
import { frame } from "./views/frame.ts";
import { Hour } from "./views/hour.ts";
import { over } from "./views/over.ts";
import { poolsView } from "./views/pools.ts";
import { signInView } from "./views/sign-in.ts";
import { systemView } from "./views/system.ts";

const hour = new Hour();
const views: Readonly<Record<ViewName, (app: App) => Child>> = {
  pools: (app) => poolsView(app, hour),
  connections: connectionsView,
  events: eventsView,
  system: systemView,
};

const app = new App(document.getElementById("app")!, draw);
const events = new EventFeed(app);
const feed = new Feed(app, {
  refused: (message) => signOut(`Signed out: ${message}`),
  restarted: () => events.start(),
});
app.refresh = () => feed.now();

function draw(app: App): Child {
  document.title = title(app);
  if (app.session !== "open") return signInView(app, typed);
  return [
    h(
      "div",
      { key: "page" },
      frame(app, views[app.route.view](app), () => signOut(null)),
    ),
    over(app),
  ];
}

function title({ known, lost }: App): string {
  const host = known.status === null ? "" : ` · ${known.status.host}`;
  return `${lost === null ? "" : "(no answer) "}Harmony${host}`;
}

function typed(token: string): void {
  void signIn(token);
  app.render();
}

async function signIn(token: string): Promise<void> {
  app.session = "asking";
  app.refusal = null;
  const api = new Api(token);
  try {
    app.known.me = await api.get<Me>("/v1/me");
    keepToken(token);
    app.api = api;
    app.session = "open";
    feed.start();
    events.start();
  } catch (error) {
    app.session = "none";
    app.refusal = (error as Error).message;
    if (error instanceof Refused) forgetToken();
  }
  app.render();
}

function signOut(message: string | null): void {
  feed.stop();
  events.stop();
  forgetToken();
  app.forget();
  app.api = new Api(null);
  app.session = "none";
  app.refusal = message;
  app.render();
}

async function begin(): Promise<void> {
  const code = takeCode();
  const token = code === null ? storedToken() : await tokenOf(code);
  if (token === null) app.render();
  else await signIn(token);
}

/** A code of `harmony-balancer dashboard` is good once. */
async function tokenOf(code: string): Promise<string | null> {
  try {
    return (await new Api(null).act<{ token: string }>("POST", "/v1/session", { code })).token;
  } catch (error) {
    app.refusal = (error as Error).message;
    return null;
  }
}

addEventListener("hashchange", () => {
  if (isCode(location.hash)) return void begin(); // the link was opened where the page was already
  app.route = routeOf(location.hash);
  Object.assign(app.known, { connections: null, refused: null });
  feed.now();
  app.render();
});

void begin();
