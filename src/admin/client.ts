/** A question to the balancer that runs on this machine, over its socket. */
import { request } from "node:http";
import { userName } from "../control/keys/key-places.ts";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";

/** ms without a byte from the balancer: it answers once what was asked is done, which takes as long as binding ports does. */
const PATIENCE_MS = 60_000;
/** Bytes. What a balancer says of a thousand pools is a tenth of that. */
const LONGEST_ANSWER = 16 * 1024 * 1024;

export interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
}

/** Codes that say that nobody is there, so that the next place may be tried. */
const NOBODY = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR"]);

/** The answer of the first balancer that listens at one of these. Rejects with HarmonyError: nobody does, or it has refused. */
export async function ask(sockets: readonly string[], question: Question): Promise<unknown> {
  const tried: string[] = [];
  for (const socket of sockets) {
    try {
      return await askAt(socket, question);
    } catch (error) {
      const code = codeOf(error);
      if (error instanceof HarmonyError || (code !== "EACCES" && !NOBODY.has(code ?? "")))
        throw unanswered(socket, error);
      tried.push(code === "EACCES" ? `${socket} (${userName()} may not use it)` : socket);
    }
  }
  const where = tried.length === 0 ? "there is no place for its socket on this system" : tried.join(", ");
  throw new HarmonyError(
    "NO_BALANCER",
    `no balancer answers: ${where}. Does it run on this machine, with an API (--api), and as this user? Say where with --api unix:PATH`,
    { fault: "balancer", retry: true },
  );
}

function unanswered(socket: string, error: unknown): HarmonyError {
  if (error instanceof HarmonyError) return error;
  return new HarmonyError("NO_ANSWER", `the balancer at ${socket} gave no answer: ${messageOf(error)}`, {
    fault: "balancer",
    retry: true,
    cause: error,
  });
}

async function askAt(socketPath: string, { method, path, body }: Question): Promise<unknown> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const { status, answer } = await exchange({ socketPath, method, path }, text);
  if (status >= 200 && status < 300) return answer;
  const { error } = (answer ?? {}) as { error?: { code?: string; message?: string } };
  throw new HarmonyError(error?.code ?? "REFUSED", error?.message ?? `the balancer answers with status ${status}`, {
    fault: status >= 500 ? "balancer" : "config",
  });
}

function exchange(
  to: { readonly socketPath: string; readonly method: string; readonly path: string },
  body: string,
): Promise<{ status: number; answer: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request({ ...to, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > LONGEST_ANSWER) asked.destroy(new Error("the answer is too long"));
        else chunks.push(chunk);
      });
      response.on("end", () => {
        try {
          resolve({ status: response.statusCode ?? 0, answer: JSON.parse(Buffer.concat(chunks).toString("utf8")) });
        } catch (error) {
          reject(error as Error);
        }
      });
      response.on("error", reject);
    });
    asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error(`nothing for ${PATIENCE_MS / 1000} s`)));
    asked.on("error", reject);
    asked.end(body);
  });
}
