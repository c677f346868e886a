/**
 * The page at `/`: one text, which the build makes of the files in page/. It says nothing of this balancer, so that nobody needs to
 * sign in to get it; all that it shows comes from the API.
 */
import { createHash } from "node:crypto";
import { contentSecurityPolicy, html } from "./built.ts";

/** The same text after a restart of the same version, so that nothing is sent again. */
const etag = `"${createHash("sha256").update(html).digest("base64url").slice(0, 22)}"`;

const HEADERS: Readonly<Record<string, string>> = {
  etag,
  // Kept, and asked about each time: after an upgrade the page is the new one.
  "cache-control": "no-cache",
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": contentSecurityPolicy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** For `GET /`. */
export function dashboardPage(request: Request): Response {
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers: HEADERS });
  return new Response(html, { headers: HEADERS });
}
