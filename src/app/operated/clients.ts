/** Which clients are meant by `client`, in what is asked for. */
import { badRequest } from "../../admin/api/problem.ts";
import { inRange, parseIp, parseRange } from "../../util/address.ts";

/** How those are called that came over a Unix socket. */
const UNIX = "unix";

/** `text`: an address or a CIDR range. Throws `BAD_REQUEST` for anything else. */
export function isClient(text: string): (host: string) => boolean {
  if (text === UNIX) return (host) => host === "";
  const range = parseRange(text);
  if (range === null) throw badRequest(`client: "${text}" is no address and no CIDR range such as 10.0.0.0/8`);
  const isOne = !text.includes("/");
  const one = range.base.toString();
  if (isOne) return (host) => host === one;
  return (host) => {
    const ip = parseIp(host);
    return ip !== null && inRange(ip, range);
  };
}
