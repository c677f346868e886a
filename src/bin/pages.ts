/** Long lists of the API, page by page. */
import { LARGEST_PAGE, type Page } from "../admin/api/schemas/common.ts";

/** The last page, with what the others have; those that come and go meanwhile may be missed, or be there twice: once is enough. */
export async function upTo<P extends Page<{ readonly id: string }>>(
  limit: number,
  pageAt: (span: { readonly offset: number; readonly limit: number }) => Promise<P>,
): Promise<P> {
  const seen = new Map<string, P["items"][number]>();
  let offset: number | null = 0;
  for (;;) {
    const page: P = await pageAt({ offset, limit: Math.min(LARGEST_PAGE, limit - seen.size) });
    for (const each of page.items) seen.set(each.id, each);
    offset = page.next;
    if (offset === null || seen.size >= limit)
      return { ...page, items: [...seen.values()], total: Math.max(page.total, seen.size) };
  }
}
