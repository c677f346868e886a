/** Clients: one request after the other at a fixed rate, whatever becomes of those before, each on a connection of its own. */
import { request } from "node:http";
import { CLIENT_PORT, RATE } from "./world.ts";

export interface Answer {
  /** ms on the clock of performance.now() when it was asked. */
  readonly at: number;
  /** ms */
  readonly took: number;
  /** Who has answered; null where nobody has, or with an error. */
  readonly by: string | null;
}

/** Clients that come again and again, and every so many requests somebody who has never been here. */
const REGULARS = 24;
const STRANGER_EVERY = 10;

export class Traffic {
  #count = 0;

  /** Asks `count` times; `each` hears of the answers as they come. Resolves when the last one has come, or is late. */
  async send(count: number, patience: number, each: (answer: Answer) => void = () => {}): Promise<Answer[]> {
    const start = performance.now();
    const answers: Promise<Answer>[] = [];
    for (let index = 0; index < count; index++) {
      const wait = start + (index * 1000) / RATE - performance.now();
      if (wait > 0) await delay(wait);
      const answer = ask(this.#address(), patience);
      void answer.then(each);
      answers.push(answer);
    }
    return Promise.all(answers);
  }

  #address(): string {
    const count = this.#count++;
    if (count % STRANGER_EVERY !== 0) return `127.0.1.${1 + (count % REGULARS)}`;
    const stranger = count / STRANGER_EVERY;
    return `127.${1 + ((stranger >> 8) % 200)}.9.${1 + (stranger % 250)}`;
  }
}

export function ask(localAddress: string, patience: number): Promise<Answer> {
  const at = performance.now();
  return new Promise((resolve) => {
    const settle = (by: string | null) => {
      clearTimeout(late);
      asked.destroy();
      resolve({ at, took: performance.now() - at, by });
    };
    const late = setTimeout(() => settle(null), patience);
    const asked = request({ port: CLIENT_PORT, host: "127.0.0.1", localAddress, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("error", () => settle(null));
      response.on("end", () => settle(response.statusCode === 200 ? body : null));
    });
    asked.on("error", () => settle(null));
    asked.end();
  });
}

export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
