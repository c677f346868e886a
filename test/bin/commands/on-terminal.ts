/** A command on a terminal of its own, as a user sees it: by script of util-linux. */
import { spawn, spawnSync } from "node:child_process";
import { programCommand } from "../../support/form.ts";
import { withoutHarmony } from "../../support/program.ts";
import { until } from "../../support/wait.ts";

export const noTerminal: string | false = spawnSync("script", ["--version"]).stdout?.toString().includes("util-linux")
  ? false
  : "there is no script of util-linux";

export class OnTerminal {
  text = "";
  readonly exited: Promise<number | null>;
  readonly #child;

  constructor(socket: string, args: readonly string[]) {
    const command = [...programCommand("harmony-balancer"), ...args].map((word) => `'${word}'`).join(" ");
    const env = {
      ...withoutHarmony(process.env),
      HARMONY_API: `unix:${socket}`,
      TERM: "xterm",
      SHELL: "/bin/sh",
    };
    this.#child = spawn("script", ["-qefc", `stty rows 20 cols 100; ${command}`, "/dev/null"], {
      env,
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#child.stdout.on("data", (bytes: Buffer) => {
      this.text += bytes.toString();
    });
    this.exited = new Promise((resolve) => this.#child.on("close", resolve));
  }

  press(keys: string): void {
    this.#child.stdin.write(keys);
  }

  shows(text: string | RegExp): Promise<unknown> {
    return until(`${text} on the screen`, () =>
      typeof text === "string" ? this.text.includes(text) : text.test(this.text),
    );
  }

  /** What has been written, which then counts as seen. */
  take(): string {
    const { text } = this;
    this.text = "";
    return text;
  }
}
