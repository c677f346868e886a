/** All that the API answers: the server, what judges requests, the OpenAPI description and docs/api.md are made from this table. */
import type { Described, Route } from "./route.ts";
import { acts } from "./routes/acts.ts";
import { reading } from "./routes/reading.ts";
import { signIn } from "./routes/sign-in.ts";
import { targetActs } from "./routes/target-acts.ts";

export const ROUTES: readonly Route[] = [...reading, ...targetActs, ...acts];

/** With those that are answered elsewhere. */
export const DESCRIBED: readonly Described[] = [...ROUTES, ...signIn];
