/** How the dashboard is opened without a token being typed: whoever may, asks for a link with a code; the page exchanges the code for a session. */
import { Hono } from "hono";
import { systemClock } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import { jsonAnswer } from "../api/json-answer.ts";
import { judgeJson } from "../api/judge.ts";
import { problemAnswer } from "../api/problem.ts";
import { type Link, linkBody, sessionBody } from "../api/schemas/session.ts";
import type { Asker, Right } from "../face.ts";
import type { ApiPlaces } from "../server.ts";
import type { GuessLimit } from "./guess-limit.ts";
import { CODE_MS, SignInCodes } from "./sign-in.ts";
import { askerOf, tooMany, type Visit } from "./sites.ts";
import type { Tokens } from "./tokens.ts";

/** What answers about access itself are made of. */
export interface Access {
  readonly tokens: Pick<Tokens, "named" | "signIn" | "all">;
  readonly guesses: GuessLimit;
  readonly places: () => ApiPlaces;
}

export function signInApp(access: Access): Hono<{ Bindings: Visit }> {
  const codes = new SignInCodes(systemClock);
  const app = new Hono<{ Bindings: Visit }>();
  app.post("/v1/links", async ({ req, env }) => {
    const { right } = judgeJson(linkBody, await req.text());
    // It would stay signed in for ever, by one link after the other.
    if (env.asker!.isPage) throw forbidden("a page that is signed in makes no links: whoever has the token does");
    const token = tokenFor(env.asker!, right, access.tokens);
    const [url] = access.places().urls;
    if (url === undefined) throw notReady("the balancer has no port for browsers: give it one (--api HOST:PORT)");
    const until = new Date(Date.now() + CODE_MS).toISOString();
    return jsonAnswer({ url: `${url}#code=${codes.make(token)}`, until } satisfies Link);
  });
  app.post("/v1/session", async ({ req, env: { address } }) => {
    const wait = access.guesses.wait(address);
    if (wait > 0) return tooMany(wait);
    const { code } = judgeJson(sessionBody, await req.text());
    const token = access.tokens.named(codes.take(code) ?? "");
    if (token === undefined) {
      access.guesses.wrong(address);
      throw new HarmonyError(
        "UNAUTHORIZED",
        "the link was used before, or is too old: harmony-balancer dashboard makes another",
        { fault: "client" },
      );
    }
    const signedIn = access.tokens.signIn(token);
    return jsonAnswer({ ...askerOf(token), token: signedIn.token, until: new Date(signedIn.until).toISOString() });
  });
  app.onError((error) => problemAnswer(error));
  return app;
}

/** The name of the token whose right the page gets: the asker's own or, over the socket, the one that the balancer has made. */
function tokenFor({ name, right }: Asker, wanted: Right = right, tokens: Access["tokens"]): string {
  if (wanted === "act" && right === "read") throw forbidden(`token "${name}" may read only`);
  if (name !== "socket" && wanted !== right) throw forbidden("only over the socket is there a link with less right");
  const token = name === "socket" ? wanted : name;
  if (tokens.named(token) !== undefined) return token;
  throw notReady(
    `there is no token "${token}": the balancer makes it beside its key, where it may write, when it starts with a port`,
  );
}

function forbidden(message: string): HarmonyError {
  return new HarmonyError("FORBIDDEN", message, { fault: "client" });
}

function notReady(message: string): HarmonyError {
  return new HarmonyError("NOT_READY", message, { fault: "config" });
}
