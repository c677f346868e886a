/** How a browser comes to be signed in: what is told of it. It is answered in access/, where the tokens are. */
import type { Described } from "../route.ts";
import { link, linkBody, session, sessionBody } from "../schemas/session.ts";

export const signIn: readonly Described[] = [
  {
    method: "POST",
    path: "/v1/links",
    right: "read",
    summary: "A link that opens the dashboard signed in, once.",
    body: linkBody,
    answer: link,
  },
  {
    method: "POST",
    path: "/v1/session",
    right: null,
    summary: "What the dashboard's link is exchanged for.",
    body: sessionBody,
    answer: session,
  },
];
