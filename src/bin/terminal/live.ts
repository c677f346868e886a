/** A view that is looked at for as long as somebody likes: it fetches, redraws, hears keys, and leaves the terminal as it was. */
import { writeSync } from "node:fs";
import { messageOf } from "../../util/errors.ts";
import { write } from "../output.ts";
import { onHangup, onStopSignals } from "../signals.ts";
import { type Key, Keyboard } from "./keyboard.ts";
import { type Line, line, part } from "./line.ts";
import { type Paper, paper } from "./paper.ts";
import { LEAVE, Screen } from "./screen.ts";

export interface View {
  /** Fetches anew. Rejects where the balancer is gone: what was there stays, and it is asked again. */
  refresh(): Promise<void>;
  /** Fills the screen, but for its last line. */
  lines(paper: Paper): Line[];
  /** What has been pressed: whether that takes other data, another look at the same, or nothing. */
  pressed(key: Key): "refresh" | "redraw" | "nothing";
  readonly help: string;
}

const ENDING: readonly Key[] = ["q", "ctrl-c", "ctrl-d"];

/** Until `q`, Ctrl-C or a signal. The first refresh may fail, and then nothing is drawn. */
export async function live(view: View, every: number): Promise<void> {
  await view.refresh();
  const show = new Live(view, every);
  try {
    await show.ended;
  } finally {
    show.close();
  }
}

class Live {
  readonly ended: Promise<void>;
  readonly #view: View;
  readonly #every: number;
  readonly #screen = new Screen((text) => write(process.stdout, text));
  readonly #keyboard: Keyboard | null;
  readonly #redraw = () => this.#draw();
  /** Should the program fail, the terminal is not left as it is now. */
  readonly #atExit = () => {
    writeSync(process.stdout.fd, LEAVE);
    this.#keyboard?.close();
  };
  #trouble: string | null = null;
  #isPaused = false;
  #timer: NodeJS.Timeout | null = null;
  #isFetching = false;

  constructor(view: View, every: number) {
    this.#view = view;
    this.#every = every;
    process.on("exit", this.#atExit);
    process.stdout.on("resize", this.#redraw);
    let end: () => void = () => undefined;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    onStopSignals(end);
    onHangup(end);
    this.#keyboard = process.stdin.isTTY ? new Keyboard(process.stdin, (key) => this.#press(key, end)) : null;
    this.#draw();
    this.#wait();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    process.stdout.off("resize", this.#redraw);
    process.off("exit", this.#atExit);
    this.#keyboard?.close();
    this.#screen.close();
  }

  #press(key: Key, end: () => void): void {
    if (ENDING.includes(key)) end();
    if (key === "ctrl-l") this.#screen.forget();
    if (key === " ") this.#isPaused = !this.#isPaused;
    const wish = this.#view.pressed(key);
    if (wish === "refresh") void this.#fetch();
    else if (wish === "redraw" || key === " " || key === "ctrl-l") this.#draw();
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      if (this.#isPaused) this.#wait();
      else void this.#fetch();
    }, this.#every);
  }

  async #fetch(): Promise<void> {
    if (this.#isFetching) return;
    this.#isFetching = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#trouble = await this.#view.refresh().then(
      () => null,
      (error: unknown) => messageOf(error),
    );
    this.#isFetching = false;
    this.#draw();
    this.#wait();
  }

  #draw(): void {
    const whole = paper();
    const rows = Math.max(1, whole.rows - 1);
    const lines = this.#view.lines({ ...whole, rows }).slice(0, rows);
    const blank: Line[] = Array.from({ length: rows - lines.length }, () => []);
    this.#screen.draw([...lines, ...blank, this.#lastLine()], whole);
  }

  #lastLine(): Line {
    if (this.#trouble !== null) return line(part(`lost the balancer, trying again: ${this.#trouble}`, "bad"));
    const paused = this.#isPaused ? [part("paused ", "doubtful")] : [];
    return line(...paused, part(`q quit  space pause  ${this.#view.help}`, "quiet"));
  }
}
