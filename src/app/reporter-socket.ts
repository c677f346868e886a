/** Where a reporter tells of itself, and what becomes of one that cannot. */
import { runtime } from "#runtime";
import { ownReporterPlaces } from "../admin/places.ts";
import { serveReporter } from "../admin/reporter/server.ts";
import type { ReporterSettings } from "../config/settings.ts";
import { hostEnvironment } from "../control/keys/key-places.ts";
import { codeOf, messageOf } from "../util/errors.ts";
import type { Reporter } from "./reporter.ts";

type Settings = Pick<ReporterSettings, "statusSocket" | "identity" | "targets">;
type Warn = (message: string) => void;

export class ReporterSocket {
  #reporter: Pick<Reporter, "status"> | null = null;
  #end: () => Promise<void> = () => Promise.resolve();

  /**
   * Rejects with NetError where it cannot be at a place that was asked for. At one that nobody has named the reporter goes on without:
   * it does its work all the same.
   */
  static async open(settings: Settings, warn: Warn): Promise<ReporterSocket> {
    const socket = new ReporterSocket();
    try {
      await socket.#listen(pathsOf(settings), warn);
    } catch (error) {
      if (settings.statusSocket !== "auto") throw error;
      const advice =
        "harmony-reporter status does not find this reporter until it is given a place of its own (--status-socket unix:PATH)";
      warn(`${messageOf(error)}; ${advice}`);
    }
    return socket;
  }

  /** At the first of these that no other reporter has. */
  async #listen([path, ...others]: readonly string[], warn: Warn): Promise<void> {
    if (path === undefined) return;
    try {
      const server = await serveReporter(path, {
        runtime,
        status: () => this.#reporter?.status ?? null,
        onFault: (error) => warn(`a fault in what this reporter tells of itself: ${messageOf(error)}`),
      });
      this.#end = () => server.close();
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE" || others.length === 0) throw error;
      await this.#listen(others, warn);
    }
  }

  /** Whom it tells of, from now on. */
  show(reporter: Pick<Reporter, "status">): void {
    this.#reporter = reporter;
  }

  /** The file goes away. Idempotent. */
  close(): Promise<void> {
    return this.#end();
  }
}

function pathsOf({ statusSocket: place, identity, targets }: Settings): string[] {
  if (place === "off") return [];
  return place === "auto" ? ownReporterPlaces(identity, targets[0]!, hostEnvironment()) : [place.path];
}
