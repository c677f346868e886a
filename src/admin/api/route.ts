/** What an entry of the table of routes consists of. */
import type * as z from "zod/mini";
import type { Asker, Operated, Right } from "../face.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Asked<Q, B> {
  /** As far as the asker sees it. */
  readonly operated: Operated;
  readonly asker: Asker;
  /** The parts of the path in braces, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly request: Request;
}

type Shape = z.ZodMiniObject;

export interface Route<Q extends Shape = Shape, B extends z.ZodMiniType = z.ZodMiniType> {
  readonly method: Method;
  /** `/v1/pools/{pool}` */
  readonly path: `/v1/${string}`;
  readonly right: Right;
  readonly summary: string;
  /** Left out: it takes none. */
  readonly query?: Q;
  /** Left out: it takes none. */
  readonly body?: B;
  /** The media type of `body`, which is then a text. Left out: JSON. */
  readonly bodyType?: string;
  readonly answer: z.ZodMiniType;
  /** What is streamed where it is asked for: the media type, and what each of its items is. */
  readonly stream?: { readonly type: string; readonly item: z.ZodMiniType };
  /** Gives what becomes JSON, or a response of its own. */
  run(asked: Asked<z.infer<Q>, z.infer<B>>): unknown;
}

/** What is told of a route. `right` null: it takes no token. */
export type Described = Omit<Route, "run" | "right"> & { readonly right: Right | null };

/** With the types of its query and body. */
export function route<Q extends Shape, B extends z.ZodMiniType>(entry: Route<Q, B>): Route {
  return entry as unknown as Route;
}
