/** A browser, driven by playwright-core: the Chromium of the system, since npm brings none. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const executable: string | undefined = process.env.CHROMIUM || PLACES.find((path) => existsSync(path));

/** Why no test can use one, or false. */
export const noBrowser: string | false =
  executable === undefined && `no Chromium: none of ${PLACES.join(", ")}, and CHROMIUM names none`;

export function openBrowser(): Promise<Browser> {
  // Chromium's sandbox refuses root; what is opened here is the project's own page alone.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: executable!, args });
}

export interface Look {
  readonly width?: number;
  readonly theme?: "light" | "dark";
}

/** A page in a session of its own, and what it did that it should not have done. */
export interface Opened {
  readonly page: Page;
  /** Errors on its console, thrown ones, requests to anywhere else than `url`. */
  readonly faults: readonly string[];
  /** What it asked for. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  url: string,
  { width = 1440, theme = "light" }: Look = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
  const page = await context.newPage();
  const faults: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    // The browser itself says this of each request that fails or is refused, which is what some tests are about.
    if (message.type() === "error" && !/^Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  context.on("request", (request) => {
    requests.push(request.url());
    if (!request.url().startsWith(url) && !request.url().startsWith("data:"))
      faults.push(`it asked for ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults, requests, close: () => context.close() };
}
