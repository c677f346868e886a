/** `1 connection`, `2 connections`. */
export function connectionCount(count: number): string {
  return count === 1 ? "1 connection" : `${count} connections`;
}
