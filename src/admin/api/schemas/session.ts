/** How a browser comes to be signed in. */
import * as z from "zod/mini";
import { said, time } from "./common.ts";
import { me } from "./status.ts";

export const linkBody = z.strictObject({
  right: z.optional(said("What the page may do; by default as much as whoever asks.", z.enum(["read", "act"]))),
});
export const link = z.strictObject({
  url: said("Opens the dashboard, signed in; it is good once.", z.string()),
  until: time(),
});
export type Link = z.infer<typeof link>;

export const sessionBody = z.strictObject({
  code: said("As the link has it behind #code=.", z.string().check(z.maxLength(100))),
});
/** `token`: goes into `Authorization: Bearer`, as a token of the key file does. */
export const session = z.extend(me, { token: z.string(), until: time() });
