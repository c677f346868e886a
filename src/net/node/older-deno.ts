/** Deno before 2.9 (2.7.11 is what was looked at) lacks much of what 2.9.5 has. */
const { deno } = process.versions;

export const isOlderDeno = deno !== undefined && /^2\.[0-8]\./.test(deno);
