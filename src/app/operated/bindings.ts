/** Sticky bindings as the API shows them, in the order in which they lie in memory. */
import type { Page } from "../../admin/api/schemas/common.ts";
import type { Binding } from "../../admin/api/schemas/targets.ts";
import type { Span } from "../../admin/face.ts";
import type { Engine } from "../../engines/engine.ts";
import type { BindingView, Pool } from "../../pool/pool.ts";
import type { Registry } from "../../targets/registry.ts";
import { parseIp } from "../../util/address.ts";
import { clientKey, clientText } from "../../util/client-key.ts";
import { isClient } from "./clients.ts";
import { page } from "./pages.ts";
import { noPool } from "./targets.ts";

export interface ShownBindingsOptions {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly registry: Pick<Registry, "sourcesOf">;
  readonly engine: Pick<Engine, "now">;
}

interface Bound {
  readonly name: string;
  readonly pool: Pool;
  readonly view: BindingView;
}

/** Throws `NO_POOL`, `BAD_REQUEST`. */
export async function shownBindings(
  options: ShownBindingsOptions,
  { pool, client }: { readonly pool?: string; readonly client?: string },
  span: Span,
): Promise<Page<Binding>> {
  const { pools, registry } = options;
  if (pool !== undefined && !pools.has(pool)) throw noPool(pool);
  const isWanted = client === undefined ? () => true : isBound(client);
  const found = await page(bound(options, pool), ({ view }) => isWanted(view.client), span);
  const items = found.items.map(({ name, pool: of, view }) => {
    const target = view.row < 0 ? "" : of.identity(view.row);
    const isThere = registry.sourcesOf(target).length > 0;
    const { client: shown, active, idleMs, isShared } = view;
    const source = isShared ? ("shared" as const) : ("own" as const);
    return { client: shown, pool: name, target: isThere ? target : null, active, idleMs: Math.round(idleMs), source };
  });
  return { ...found, items };
}

function* bound({ pools, engine }: ShownBindingsOptions, wanted: string | undefined): Generator<Bound> {
  for (const [name, pool] of pools) {
    if (wanted !== undefined && name !== wanted) continue;
    for (const view of pool.bindingViews(() => engine.now())) yield { name, pool, view };
  }
}

/** An address means the client that has it, which may be a whole network: see util/client-key.ts. */
function isBound(text: string): (client: string) => boolean {
  const isOne = isClient(text);
  if (parseIp(text) === null) return (client) => isOne(client.replace(/\/64$/, ""));
  const client = clientText(clientKey(text, new Uint32Array(4)));
  return (each) => each === client;
}
