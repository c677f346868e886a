/** What became of the last document: it may have been long ago, and no event tells of it any more. */
import type { Status } from "../../admin/api/schemas/status.ts";
import type { Step } from "../../config/document/difference.ts";
import { reloadWords } from "../words/reload-words.ts";
import { timeText } from "./targets.ts";

export class LastReload {
  shown: Status["document"]["lastReload"] = null;

  done(steps: readonly Step[]): void {
    const [summary] = [reloadWords.reloaded(steps)].flat();
    this.#set(true, summary!.text);
  }

  failed(error: Error): void {
    const summary = [reloadWords.reloadFailed(error)].flat();
    // With one problem that problem; the line that counts them comes last.
    this.#set(false, summary.length === 2 ? summary[0]!.text : summary.at(-1)!.text);
  }

  #set(ok: boolean, text: string): void {
    this.shown = { at: timeText(Date.now()), ok, text };
  }
}
