import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
/** It speaks to nobody but us, and needs no display. */
const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Where it is missing, `node scripts/test-tools.mjs` prints how it is installed. */
export const hasBrowser = existsSync(CHROMIUM);

export type WindowOptions = {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
};

/** Debian's Chromium with a profile of its own, which goes away in the end. */
export class BrowserBed implements AsyncDisposable {
  readonly #directory: string;
  readonly #context: BrowserContext;
  /** What pages complained of. */
  readonly problems: string[] = [];

  private constructor(directory: string, context: BrowserContext) {
    this.#directory = directory;
    this.#context = context;
  }

  static async open(): Promise<BrowserBed> {
    const directory = mkdtempSync(join(tmpdir(), "telltale-browser-"));
    const context = await chromium.launchPersistentContext(directory, {
      ...{ executablePath: CHROMIUM, args: FLAGS, headless: true, ignoreHTTPSErrors: true },
    });
    return new BrowserBed(directory, context);
  }

  async page(url: string, options: WindowOptions = {}): Promise<Page> {
    const { width = 1440, height = 900, colorScheme = "light" } = options;
    const page = await this.#context.newPage();
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("console", (message) => {
      const text = message.text();
      // Requests that are refused, or not answered, are what some tests are about.
      const isOfRequest = /^Failed to load resource/.test(text);
      const isError = message.type() === "error" && !isOfRequest;
      if (isError || /Content Security Policy|TrustedHTML/.test(text)) this.problems.push(text);
    });
    page.on("dialog", (dialog) => {
      this.problems.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What axe-core finds wrong, one line each. */
export async function axeProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    const loaded = globalThis as unknown as { axe: { run(): Promise<AxeResult> } };
    const { violations } = await loaded.axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`.slice(0, 500)),
    );
  });
}

/** How wide the document and the content are, in CSS pixels, and how much of the content is seen. */
export async function widthsOf(
  page: Page,
): Promise<{ document: number; content: number; seen: number }> {
  return await page.evaluate(`(() => {
    const main = document.querySelector("main");
    const { scrollWidth } = document.documentElement;
    return { document: scrollWidth, content: main.scrollWidth, seen: main.clientWidth };
  })()`);
}

type AxeResult = {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
};
