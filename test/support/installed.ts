/** A machine with a Harmony of its own: programs that look for their keys find that one's, and would change its files. */
import { existsSync } from "node:fs";

const place = ["/etc/harmony", "/var/lib/harmony"].find(existsSync);

/** Why tests cannot use the places where keys are looked for, or false. */
export const installed: string | false = place !== undefined && `this machine has a Harmony of its own: ${place}`;
