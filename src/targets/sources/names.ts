/** Looks names up for as long as somebody wants them, again and again: when an answer no longer holds, and soon after a failure. */
import type { NameService } from "../../net/dns.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import { type Answer, type Instance, lookUp, type Question } from "./look-up.ts";

/** ms between look-ups where nobody says how long an answer holds: what Envoy and HAProxy take is of this order. */
const INTERVAL_MS = 30_000;
/** ms. However short a time a name gives, servers are not asked more often than that; however long, a change is seen within the hour. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 3_600_000;
/** ms after which no further host of a service is looked up: one whose hosts are silent would keep other names waiting. */
const LOOK_UP_MS = 10_000;
/** ms after a failure. */
const RETRY_MS = 5_000;

export interface NamesOptions {
  readonly clock: Clock;
  readonly names: NameService;
  /** There is another answer, or none at the first time, for those that want it. */
  readonly onAnswer: (wantedBy: Iterable<string>) => void;
  /** Something an operator should know: a name has begun to fail. */
  readonly onWarning: (message: string) => void;
}

interface Watched {
  readonly question: Question;
  /** By whom it is wanted. Never empty. */
  readonly by: Set<string>;
  /** null before the first answer. */
  instances: readonly Instance[] | null;
  /** What has been told of it; null while it is well. */
  trouble: string | null;
  cancelNext: Cancel;
}

export class Names {
  readonly #options: NamesOptions;
  /** By keyOf() their question. */
  readonly #watched = new Map<string, Watched>();
  /** Those whose turn has come, while as many as there may be are being looked up. */
  readonly #due = new Set<Watched>();
  #underWay = 0;

  constructor(options: NamesOptions) {
    this.#options = options;
  }

  /** From now on these are all that it wants. */
  want(by: string, questions: readonly Question[]): void {
    const wanted = new Map(questions.map((question) => [keyOf(question), question]));
    for (const [key, watched] of this.#watched) if (!wanted.has(key)) this.#drop(key, watched, by);
    for (const [key, question] of wanted) {
      const watched = this.#watched.get(key) ?? this.#watch(key, question);
      watched.by.add(by);
    }
  }

  /** What is known; null before the first answer. */
  answer(question: Question): readonly Instance[] | null {
    return this.#watched.get(keyOf(question))?.instances ?? null;
  }

  /** It is being looked up for the first time. */
  isOpen(question: Question): boolean {
    const watched = this.#watched.get(keyOf(question));
    return watched !== undefined && watched.instances === null && watched.trouble === null;
  }

  /** No answer is heard any more: nobody wants one. */
  close(): void {
    for (const { cancelNext } of this.#watched.values()) cancelNext();
    this.#watched.clear();
    this.#due.clear();
    this.#options.names.close();
  }

  #watch(key: string, question: Question): Watched {
    const watched: Watched = {
      question,
      by: new Set(),
      instances: null,
      trouble: null,
      cancelNext: () => undefined,
    };
    this.#watched.set(key, watched);
    this.#due.add(watched);
    queueMicrotask(() => this.#begin()); // when its wanter is known
    return watched;
  }

  #drop(key: string, watched: Watched, by: string): void {
    watched.by.delete(by);
    if (watched.by.size > 0) return;
    watched.cancelNext();
    this.#watched.delete(key);
    this.#due.delete(watched);
  }

  #begin(): void {
    for (const watched of this.#due) {
      if (this.#underWay === this.#options.names.atOnce) return;
      this.#due.delete(watched);
      this.#underWay += 1;
      void this.#lookUp(watched).finally(() => {
        this.#underWay -= 1;
        this.#begin();
      });
    }
  }

  /** Never rejects. */
  async #lookUp(watched: Watched): Promise<void> {
    const { question, instances } = watched;
    try {
      const { clock, names } = this.#options;
      const late = clock.now() + LOOK_UP_MS;
      const answer = await lookUp(question, names, instances ?? [], () => clock.now() > late);
      if (!this.#isWatched(watched)) return;
      this.#take(watched, answer);
      this.#next(watched, INTERVAL_MS);
      void answer.holds.then((holds) => {
        if (holds !== null && this.#isWatched(watched)) this.#next(watched, clamp(question, holds));
      });
    } catch (error) {
      if (!this.#isWatched(watched)) return;
      const outcome = instances === null ? "it gives no targets until it can" : "what was known of it stays";
      const wasOpen = this.isOpen(question);
      this.#tell(watched, `${messageOf(error)}; ${outcome}`);
      if (wasOpen) this.#options.onAnswer(watched.by);
      this.#next(watched, RETRY_MS);
    }
  }

  #isWatched(watched: Watched): boolean {
    return this.#watched.get(keyOf(watched.question)) === watched;
  }

  #take(watched: Watched, { instances, trouble }: Answer): void {
    if (trouble === null) watched.trouble = null;
    else this.#tell(watched, trouble);
    const isSame = watched.instances !== null && JSON.stringify(watched.instances) === JSON.stringify(instances);
    watched.instances = instances;
    if (!isSame) this.#options.onAnswer(watched.by);
  }

  /** Once, until it is well again. */
  #tell(watched: Watched, trouble: string): void {
    const isKnown = watched.trouble !== null;
    watched.trouble = trouble;
    if (isKnown) return;
    const pools = [...watched.by];
    this.#options.onWarning(`${pools.length === 1 ? "pool" : "pools"} ${pools.join(", ")}: ${trouble}`);
  }

  #next(watched: Watched, ms: number): void {
    watched.cancelNext();
    watched.cancelNext = this.#options.clock.after(ms, () => {
      this.#due.add(watched);
      this.#begin();
    });
  }
}

/** Records of services may change before the addresses of their hosts do, and nobody says when. */
function clamp({ kind }: Question, holds: number): number {
  const longest = kind === "srv" ? INTERVAL_MS : LONGEST_MS;
  return Math.min(longest, Math.max(SHORTEST_MS, holds));
}

function keyOf(question: Question): string {
  const name = question.kind === "name" ? question.host : question.name;
  return `${question.kind} ${name.toLowerCase()}`;
}
