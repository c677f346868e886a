/**
 * From what flags, environment and file (or the library) write to the whole document: every pool with all of its options, every
 * listener with its addresses.
 *
 * Top level, environment and flags are one scope: the process, and defaults of all pools. What a pool's own section gives precedes
 * it, except that for the pool `default`, which flags and environment speak of, these precede its section, too. `listen` and
 * `targets` are nobody's defaults: outside of sections they are those of the pool `default`.
 */
import { MAX_CUSTOM } from "../../edge/proxy-header/header.ts";
import { customTlvs } from "../../edge/proxy-header/send.ts";
import type { UnavailableHandler } from "../../proxy/unavailable.ts";
import { isStream } from "../../util/streams.ts";
import { type BalancerValues, balancerOptions } from "../balancer-options.ts";
import { readBytes } from "../files.ts";
import type { TextOrFile } from "../kinds.ts";
import { listenerTerms } from "../listener-options.ts";
import { spell } from "../names.ts";
import type { OptionTable, Values } from "../option.ts";
import { type PoolValues, poolOptions } from "../pool-options.ts";
import { type BalancerSettings, DEFAULT_POOL, type PoolSettings, processSettings } from "../settings.ts";
import { formatPlace } from "../target-kind.ts";
import { type Chosen, firstOf, type Given, type Source, valuesOf, whereOf } from "../values.ts";
import { checkEndpoints } from "./check-endpoints.ts";
import { FileCheck } from "./check-files.ts";
import { refuseTargetSockets } from "./check-sockets.ts";
import { type CompletedListener, completeListeners, type Form } from "./complete-listeners.ts";
import { isInGivenText } from "./read-document.ts";
import { poolSection, type SectionValues } from "./section-options.ts";
import type { Written } from "./written.ts";

/** What is said outside of the document, by precedence. */
export interface Outer {
  readonly flags: Source;
  readonly environment: Source;
}

export interface Completed {
  readonly settings: BalancerSettings;
  /** Of the process, with the defaults of all pools. */
  readonly process: Chosen<BalancerValues>;
  readonly pools: ReadonlyMap<string, Chosen<SectionValues>>;
  readonly listeners: ReadonlyMap<string, CompletedListener>;
}

/** What is wrong goes to `problems`; the result is of use only if there is none. */
export function complete(written: Written, outer: Outer, form: Form, problems: string[]): Completed {
  const common = [outer.flags, outer.environment, written.top];
  const process = choose(balancerOptions, common, problems);
  const chosen = new Map<string, Chosen<SectionValues>>();
  if (hasDefault(written, process.given)) chosen.set(DEFAULT_POOL, chooseDefault(written, outer));
  const others = common.map((source) => new Map([...source].filter(([name]) => !OF_DEFAULT.includes(name))));
  for (const [name, { source }] of written.pools) {
    // What the outer sources say has been judged with the process, and the section by its reader.
    if (name !== DEFAULT_POOL) chosen.set(name, choose(poolSection, [source, ...others], []));
  }
  const texts = new UnavailableTexts(problems);
  const pools = new Map([...chosen].map(([name, pool]) => [name, poolSettings(name, pool, texts, problems)]));
  for (const [name, pool] of chosen) {
    checkWaiting(name, pool, form, problems);
    checkTlvs(name, pool, form, problems);
    refuseTargetSockets(name, pool, form.place, problems);
  }
  const listeners = completeListeners(written, chosen, common, form, problems);
  const ofProcess = processSettings(process, form.place, problems);
  checkEndpoints(listeners, ofProcess.admin, process.given.get("admin"), problems);
  const files = new FileCheck(form.place, problems);
  for (const { chosen } of [...listeners.values(), { chosen: process }]) files.listener(chosen);
  for (const pool of [...chosen.values(), process]) files.pool(pool);
  const ofNobody = { given: process.given, values: { ...process.values, targets: [] } };
  const settings: BalancerSettings = {
    ...ofProcess,
    pools,
    listeners: new Map([...listeners].map(([name, listener]) => [name, listener.settings])),
    poolDefaults: poolSettings(DEFAULT_POOL, ofNobody, texts, problems),
    listenerDefaults: listenerTerms(process.values),
  };
  return { settings, process, pools: chosen, listeners };
}

/** Options that are the pool's alone that they are given to. */
const OF_DEFAULT: readonly string[] = ["listen", "targets"];

function choose<T extends OptionTable>(table: T, sources: readonly Source[], problems: string[]): Chosen<Values<T>> {
  const given = firstOf(table, sources);
  return { given, values: valuesOf(table, given, problems) };
}

function chooseDefault({ pools, top }: Written, { flags, environment }: Outer): Chosen<SectionValues> {
  const own = pools.get(DEFAULT_POOL)?.source ?? new Map();
  return choose(poolSection, [flags, environment, own, top], []);
}

/** Where nobody defines a pool, all that is said is said of `default`. */
function hasDefault({ pools }: Written, given: Source): boolean {
  return pools.size === 0 || pools.has(DEFAULT_POOL) || OF_DEFAULT.some((name) => given.has(name));
}

function poolSettings(
  name: string,
  { values, given }: Chosen<PoolValues>,
  texts: UnavailableTexts,
  problems: string[],
): PoolSettings {
  const own = Object.fromEntries(
    Object.keys(poolOptions).map((option) => [option, values[option as keyof PoolValues]]),
  );
  checkTargets(name, values, given.get("targets"), problems);
  refusePrograms(values, given, problems);
  return { ...(own as unknown as PoolValues), unavailable: texts.read(values.unavailable, given.get("unavailable")) };
}

function checkTargets(
  pool: string,
  { targets, maxTargets }: PoolValues,
  given: Given | undefined,
  problems: string[],
): void {
  const where = whereOf(given);
  const seen = new Set<string>();
  for (const target of targets) {
    const place = formatPlace(target);
    if (seen.has(place)) problems.push(`${where}targets: ${place} is a target of pool ${pool} twice`);
    seen.add(place);
  }
  if (targets.length > maxTargets) {
    problems.push(`${where}targets: pool ${pool} has ${targets.length}, and max-targets is ${maxTargets}: raise it`);
  }
}

/** Where nobody waits for anything, nobody waits for a target either. */
function checkWaiting(pool: string, { values, given }: Chosen<PoolValues>, { place }: Form, problems: string[]): void {
  if (values.queueWhenEmpty === 0 || values.queue > 0) return;
  const option = whereOf(given.get("queueWhenEmpty")) + spell("queueWhenEmpty", place);
  problems.push(`${option}: queue is 0 in pool ${pool}, so that nobody waits: raise that, or leave this out`);
}

/** A header of version 1 is one line of addresses; one of version 2 has to be short enough for those who read it. */
function checkTlvs(pool: string, { values, given }: Chosen<PoolValues>, { place }: Form, problems: string[]): void {
  const { sendProxy, sendProxyTlvs } = values;
  const option = whereOf(given.get("sendProxyTlvs")) + spell("sendProxyTlvs", place);
  if (sendProxy === "v1" && sendProxyTlvs.length > 0) {
    problems.push(
      `${option}: send-proxy is v1 in pool ${pool}, which says nothing but addresses: give v2, or leave this out`,
    );
  }
  const own = customTlvs(sendProxyTlvs).reduce((sum, { value }) => sum + 3 + value.length, 0);
  if (own <= MAX_CUSTOM) return;
  problems.push(
    `${option}: the texts of pool ${pool}'s own take ${own} bytes, and ${MAX_CUSTOM} are the most: shorten them`,
  );
}

/** Whoever may only act on the balancer may not have it run programs for him. */
function refusePrograms({ check, targets }: PoolValues, given: Source, problems: string[]): void {
  const runs = (each: PoolValues["check"] | undefined) => each !== undefined && each !== "off" && each.kind === "exec";
  for (const [option, isProgram] of [
    ["check", runs(check)],
    ["targets", targets.some((target) => runs(target.check))],
  ] as const) {
    const by = given.get(option);
    if (!isProgram || by === undefined || !isInGivenText(by)) continue;
    const problem = `${whereOf(by)}${option}: a document that is given as a text runs no program: give another check`;
    if (!problems.includes(problem)) problems.push(problem);
  }
}

/** Reads each file once, however many pools it is for. */
class UnavailableTexts {
  readonly #problems: string[];
  readonly #files = new Map<string, Uint8Array | null>();

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  read(value: TextOrFile | UnavailableHandler | null, given: Given | undefined): PoolSettings["unavailable"] {
    if (value === null || typeof value === "function") return value;
    if ("text" in value) return new TextEncoder().encode(value.text);
    const { file } = value;
    if (!this.#files.has(file)) this.#files.set(file, this.#bytesOf(file, given));
    return this.#files.get(file)!;
  }

  #bytesOf(file: string, given: Given | undefined): Uint8Array | null {
    const option = `${whereOf(given)}unavailable`;
    if (given !== undefined && isInGivenText(given)) {
      this.#problems.push(`${option}: a document that is given as a text names no file: give the answer itself`);
      return null;
    }
    if (!isStream(file)) return readBytes(file, option, this.#problems);
    this.#problems.push(`${option}: ${file} is no regular file`);
    return null;
  }
}
