/** Servers that are not ours, where they are installed. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Why tests cannot use this command, or false. */
export function missing(command: string, versionFlag: string): string | false {
  const { error } = spawnSync(command, [versionFlag]);
  return error ? `${command} is not installed` : false;
}

/** The folder of PostgreSQL's programs: the servers are in no PATH on Debian and its like. null: it is not installed. */
export function folderOfPostgres(): string | null {
  const versions = "/usr/lib/postgresql";
  const folders = [
    ...(process.env.PATH ?? "").split(process.platform === "win32" ? ";" : ":"),
    ...(existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, "bin")) : []),
  ];
  const exe = process.platform === "win32" ? ".exe" : "";
  const has = (folder: string, name: string) => existsSync(join(folder, name + exe));
  return folders.find((folder) => ["initdb", "postgres", "psql"].every((name) => has(folder, name))) ?? null;
}
