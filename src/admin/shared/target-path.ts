/** How a target is called within its pool, and where the API has it. */

/** As the API shows them: `id` begins with the pool's name. */
interface Named {
  readonly id: string;
  readonly pool: string;
}

/** Its name without the pool's: `10.0.0.5:80` of `web/10.0.0.5:80`. */
export function ownName({ id, pool }: Named): string {
  return id.startsWith(`${pool}/`) ? id.slice(pool.length + 1) : id;
}

/** `/v1/pools/web/targets/10.0.0.5%3A80`. */
export function targetPath(target: Named): string {
  return `/v1/pools/${encodeURIComponent(target.pool)}/targets/${encodeURIComponent(ownName(target))}`;
}
