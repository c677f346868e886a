/** The kind of value that says where the balancers of a group meet. */
import { type GroupPlace, type PlaceForm, placeText } from "../group/place.ts";
import { remoteHost } from "./address-kinds.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { STRING, text } from "./kinds.ts";

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;
/** As many as anybody names; each is tried in turn. */
const MOST_ADDRESSES = 64;
const LARGEST_DATABASE = 65_535;

const URL = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/]+)((?:\/[^/]*){0,2})$/;
const SOCKET = /^(?:redis\+)?unix:\/\/(?:([^@/]*)@)?(\/[^?]+)(?:\?db=(\d{1,5}))?$/;

/** By the places that were read with one: it is no part of them, so that nothing that shows a place shows it. */
const passwords = new WeakMap<GroupPlace, string>();

/** What stood in the address. */
export function passwordOf(place: GroupPlace): string | null {
  return passwords.get(place) ?? null;
}

export const groupPlace: Kind<GroupPlace, string> = kindOf(
  {
    placeholder: "URL",
    allowed:
      "redis://HOST:PORT/DB, rediss:// for TLS, unix:///PATH, redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DB or redis+cluster://HOST:PORT,HOST:PORT, " +
      "with USER:PASSWORD@ before the hosts where it is needed (write @, / and : in them as %40, %2F and %3A)",
    library: STRING,
    quoted: withoutPassword,
  },
  textCodec(
    (given) => socketPlace(given) ?? networkPlace(given),
    // A password is given apart, or is in the file: no text that is shown has it.
    placeText,
  ),
);

export const groupName = text("NAME", "1 to 64 letters, digits or . _ -", /^[A-Za-z0-9._-]{1,64}$/);

/** Also of what is no address: whatever stands before the last @ may be one. */
function withoutPassword(given: string): string {
  return given.replace(/^([\w+.-]*:\/\/)?.*@/s, (_, scheme = "") => `${scheme}***@`);
}

function socketPlace(given: string): GroupPlace | undefined {
  const [, who, path, database = "0"] = SOCKET.exec(given) ?? [];
  const at = path === undefined ? undefined : decoded(path);
  if (at === undefined) return undefined;
  return complete({ form: "server", tls: false, addresses: [{ path: at }], master: null }, who, database);
}

function networkPlace(given: string): GroupPlace | undefined {
  const [, scheme, form = "server", who, hosts = "", path = ""] = URL.exec(given) ?? [];
  if (scheme === undefined) return undefined;
  const found = hosts.split(",").map((host) => remoteHost(host.trim()));
  const addresses = found.flatMap((each) => (each === undefined ? [] : [withPort(each, form)]));
  if (addresses.length < found.length || addresses.length > MOST_ADDRESSES) return undefined;
  if (form === "server" && addresses.length > 1) return undefined;
  const parts = path.split("/").slice(1);
  const master = form === "sentinel" ? decoded(parts.shift() ?? "") : null;
  if (master === undefined || master === "" || parts.length > 1) return undefined;
  const database = parts[0] || "0";
  if (form === "cluster" && database !== "0") return undefined;
  return complete({ form: form as PlaceForm, tls: scheme === "rediss", addresses, master }, who, database);
}

function withPort({ host, port }: { host: string; port: number | null }, form: string) {
  return { host, port: port ?? (form === "sentinel" ? SENTINEL_PORT : REDIS_PORT) };
}

type Beginning = Pick<GroupPlace, "form" | "tls" | "addresses" | "master">;

/** `who`: `user:password`, `user` or `:password`. */
function complete(place: Beginning, who: string | undefined, database: string): GroupPlace | undefined {
  const [user, password] = who === undefined ? [] : who.split(/:(.*)/s).map(decoded);
  if (who !== undefined && user === undefined) return undefined;
  if (who?.includes(":") && !password) return undefined;
  if (!/^\d+$/.test(database) || Number(database) > LARGEST_DATABASE) return undefined;
  const whole: GroupPlace = { ...place, user: user || null, database: Number(database) };
  if (password) passwords.set(whole, password);
  return whole;
}

/** undefined: it is not as URLs are written. */
function decoded(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text);
    encodeURIComponent(plain); // half a character cannot be written down again
    return plain;
  } catch {
    return undefined;
  }
}
