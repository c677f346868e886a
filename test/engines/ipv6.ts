import { runtime } from "#runtime";

/** Whether this host has ::1: containers often have none. */
export async function hasIpv6(): Promise<boolean> {
  try {
    const listener = await runtime.listen({ host: "::1", port: 0 }, (connection) => connection.abort());
    await listener.close();
    return true;
  } catch {
    return false; // whatever the reason: nothing can listen there
  }
}
