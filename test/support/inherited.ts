/** Programs that inherit a listening socket as descriptor 3, as from a service manager. */
import { spawnSync } from "node:child_process";

/** Becomes the program behind its first argument, which is "tcp" or the path of a Unix socket. */
const PARENT = `
import os, socket, sys
where = sys.argv[1]
if where == "tcp":
  listener = socket.socket(); listener.bind(("127.0.0.1", 0))
else:
  listener = socket.socket(socket.AF_UNIX); listener.bind(where)
listener.listen(16)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execvp(sys.argv[2], sys.argv[2:])
`;

/** Why there are none here, or false. */
export const noParent: string | false =
  spawnSync("python3", ["--version"]).status === 0 ? false : "there is no python3 here";

/** The command line of a program that inherits a socket at "tcp" (a free port of 127.0.0.1), or at a path. The socket's name is "web". */
export function inheriting(where: string, command: readonly string[]): string[] {
  return ["python3", "-c", PARENT, where, ...command];
}
