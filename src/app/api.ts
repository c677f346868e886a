/** Where the API's socket comes to be, and what becomes of a balancer that cannot have it. */
import { ownSocketPlace } from "../admin/places.ts";
import type { ApiBalancer } from "../admin/routes.ts";
import { ApiServer } from "../admin/server.ts";
import type { BalancerSettings } from "../config/settings.ts";
import { hostEnvironment } from "../control/keys/key-places.ts";
import { messageOf } from "../util/errors.ts";

/** null: it is off, or it cannot be. The balancer goes on without, since it serves all the same. */
export async function openApi(
  settings: Pick<BalancerSettings, "api" | "keyFile" | "reporters">,
  balancer: ApiBalancer,
  warn: (message: string, cause: unknown) => void,
): Promise<ApiServer | null> {
  const { api } = settings;
  if (api === "off") return null;
  const path = api === "auto" ? ownSocketPlace(settings, hostEnvironment()) : api.path;
  if (path === null) return null;
  const server = new ApiServer(balancer);
  try {
    await server.listen(path);
    return server;
  } catch (error) {
    await server.close();
    warn(
      `${messageOf(error)}; this balancer has no API until it is given a place of its own (--api unix:PATH) or none (--api off)`,
      error,
    );
    return null;
  }
}
