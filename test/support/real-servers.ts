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

/** Where Debian and its like have what nginx needs for TCP; elsewhere it is in nginx itself, if it is there at all. */
const NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** The first lines of a configuration of nginx that serves TCP. */
export const nginxStream: string = `${existsSync(NGINX_STREAM) ? `load_module ${NGINX_STREAM};\n` : ""}daemon off; master_process off; pid nginx.pid; events {}\n`;

/** Why tests cannot use nginx for TCP, or false. */
export function missingNginxStream(): string | false {
  const { error, stderr } = spawnSync("nginx", ["-V"], { encoding: "utf8" });
  if (error) return "nginx is not installed";
  return existsSync(NGINX_STREAM) || /--with-stream(?!=dynamic)/.test(stderr) ? false : "nginx serves no TCP here";
}
