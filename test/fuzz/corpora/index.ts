/** Everything that is fuzzed. */
import type { Corpus } from "../corpus.ts";
import { clientHellos } from "./client-hellos.ts";
import { documentFiles } from "./documents.ts";
import { doors } from "./door.ts";
import { hellos } from "./hello.ts";
import { hosts } from "./hosts.ts";
import { httpHeads } from "./http-heads.ts";
import { identityFiles } from "./identity-file.ts";
import { invitationCodes, invitationFiles } from "./invitations.ts";
import { keyFiles } from "./key-file.ts";
import { lines, messages } from "./messages.ts";
import { pems } from "./pem.ts";
import { proxyHeaders } from "./proxy-headers.ts";
import { reportersFiles } from "./reporters-file.ts";
import { sealedLines } from "./sealed.ts";
import { sessions } from "./sessions.ts";

export const CORPORA: readonly Corpus[] = [
  hellos,
  doors,
  sealedLines,
  sessions,
  messages,
  lines,
  keyFiles,
  reportersFiles,
  identityFiles,
  invitationFiles,
  invitationCodes,
  pems,
  documentFiles,
  hosts,
  httpHeads,
  proxyHeaders,
  clientHellos,
];
