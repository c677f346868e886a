/**
 * Who has signed in, for as long as this tab is open. The token goes into no cookie, so that no other page can make the browser
 * send it; and it leaves the address bar before anything else happens.
 */

const NAME = "harmony-token";

export function storedToken(): string | null {
  return sessionStorage.getItem(NAME);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(NAME, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(NAME);
}

const CODE = /^#code=([^&]+)$/;

/** Whether that is what a link brings: `#code=…`. */
export function isCode(hash: string): boolean {
  return CODE.test(hash);
}

/** It is taken out of the address and the history. */
export function takeCode(): string | null {
  const [, code] = CODE.exec(location.hash) ?? [];
  if (code === undefined) return null;
  history.replaceState(null, "", location.pathname);
  return decodeURIComponent(code);
}
