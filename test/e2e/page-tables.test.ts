import { setTimeout as delay } from "node:timers/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeProblems, BrowserBed, hasBrowser, widthsOf } from "../support/browser.ts";
import { ContainerBed, whyNoContainers } from "../support/container-bed.ts";
import { Bed, eventually } from "../support/programs.ts";

const SOON = { timeout: 30_000 };
const HOSTILE = "<img src=x onerror='globalThis.pwned = 1'>";
/** As the shipped rules record it, of a service that nobody measures. */
const RULES = `
groups:
  - name: told
    interval: 1s
    rules:
      - record: service:requests:rate2m
        expr: vector(12)
        labels: { service: cart, source: own }
      - record: service:errors:ratio2m
        expr: vector(0.25)
        labels: { service: cart, source: own }
      - record: service:requests:rate2m
        expr: vector(1)
        labels: { service: "${HOSTILE}", source: own }
      - alert: CartFails
        expr: vector(1)
        labels: { service: cart, severity: critical }
`;

const why = hasBrowser ? whyNoContainers() : "no browser";

describe.skipIf(why !== null)(`tables${why === null ? "" : ` (skipped: ${why})`}`, () => {
  let browser: BrowserBed;
  let containers: ContainerBed;
  let bed: Bed;
  let url: string;

  beforeAll(async () => {
    [browser, containers, bed] = await Promise.all([
      BrowserBed.open(),
      ContainerBed.open(),
      Bed.open(),
    ]);
    bed.write("rules/r.yaml", RULES);
    await bed.startReadyAggregator();
    bed.start("agent", [`--host-root=${containers.hostRoot}`]);
    await containers.run("tt-burn", "while :; do :; done", ["--cpus=0.25", "--memory=64m"]);
    await containers.run("tt-idle", "sleep 1000", ["--label=telltale.service=cart"]);
    url = `http://127.0.0.1:${bed.httpPort}`;
    await eventually(async () => (await bed.query('container_last_seen{image!=""}')).length === 2);
  });

  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await bed?.[Symbol.asyncDispose]();
    await containers?.[Symbol.asyncDispose]();
    expect(browser?.problems ?? []).toEqual([]);
  });

  const names = (page: Page) => page.locator(".row-name a").allTextContents();

  test("containers are sorted, filtered and given columns by their link, and open by keyboard", async () => {
    const page = await browser.page(`${url}/containers`);
    await page.locator('.table-row:has-text("tt-burn") .share-line').first().waitFor(SOON);
    await eventually(async () => (await names(page)).join() === "tt-burn,tt-idle");
    await page.getByRole("button", { name: "Name" }).click();
    await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
    expect(await names(page)).toEqual(["tt-idle", "tt-burn"]);
    await page.keyboard.press("/");
    await page.keyboard.type("burn");
    await page.getByText("1 of 2").waitFor(SOON);
    await page.locator(".column-choice summary").click();
    await page.getByLabel("Image").uncheck();
    expect(await page.getByRole("columnheader", { name: "Image" }).count()).toBe(0);
    const link = page.url();
    await page.goto("about:blank");
    await page.goto(link);
    await page.locator(".row-name a").waitFor(SOON);
    expect(await names(page)).toEqual(["tt-burn"]);
    expect(await page.getByRole("columnheader", { name: "Image" }).count()).toBe(0);
    await page.keyboard.press("j");
    await page.locator('[data-row="0"]:focus').waitFor(SOON);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "tt-burn" }).waitFor(SOON);
    await page.getByText("67 MB").first().waitFor(SOON); // its limit
    await page.locator(".plot canvas").nth(5).waitFor(SOON);
    await page.close();
  });

  test("a restart, a new image's start and an end are told in the overview", async () => {
    const page = await browser.page(url);
    const changes = page.getByRole("list", { name: "Last changes" }).getByRole("listitem");
    await changes.filter({ hasText: "tt-idle" }).filter({ hasText: "started" }).waitFor(SOON);
    await containers.docker("restart", "--time=0", "tt-idle");
    await changes
      .filter({ hasText: "tt-idle" })
      .filter({ hasText: "restarted" })
      .waitFor({ timeout: 45_000 });
    await page.close();
  });

  test("services say how they stand and why, and have a page of their own", async () => {
    const page = await browser.page(url);
    const row = page.locator(".services-part tr", { hasText: "cart" });
    await row.getByText("25%").waitFor(SOON);
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.locator(".table-row", { hasText: "cart" }).getByText("CartFails").waitFor(SOON);
    expect((await names(page))[0]).toBe("cart");
    await page.getByRole("link", { name: "cart", exact: true }).click();
    await page.getByRole("heading", { name: "cart" }).waitFor(SOON);
    await page.getByRole("img", { name: "Errors, share of requests" }).waitFor(SOON);
    await page.getByRole("link", { name: "tt-idle" }).waitFor(SOON);
    await page.close();
  });

  test("a metric is compared over nodes and over containers, and it is said of how many", async () => {
    const page = await browser.page(`${url}/compare/node_load1`);
    await page.getByText(/has the 1 highest now, of 1\. A point every \d+ s/).waitFor(SOON);
    await page.getByRole("img", { name: "node_load1" }).waitFor(SOON);
    await page.goto(`${url}/compare/cpu?by=containers`);
    await page.getByText("has the 2 highest now, of 2.").waitFor(SOON);
    expect((await names(page))[0]).toBe("tt-burn");
    await page.getByLabel("Another metric").fill('x"} or up');
    await page.keyboard.press("Enter");
    await page.getByText("This cannot be the name of a metric").waitFor(SOON);
    await page.close();
  });

  test("none breaks a rule of accessibility, is wider than a phone or runs what a name says", async () => {
    const paths = ["/", "/containers", "/containers/n1/tt-burn", "/services", "/services/cart"];
    const hostile = [`/services/${encodeURIComponent(HOSTILE)}`, "/compare/cpu?by=containers"];
    for (const [size, colorScheme] of [
      [{ width: 1440, height: 900 }, "dark"],
      [{ width: 390, height: 844 }, "light"],
    ] as const) {
      const page = await browser.page(url, { ...size, colorScheme });
      for (const path of [...paths, ...hostile]) {
        await page.goto(`${url}${path}`);
        await page.locator("main h1").first().waitFor(SOON);
        if (path !== "/" && !path.startsWith("/services/%")) {
          await page.locator(".row-name a, .plot canvas").first().waitFor(SOON);
        }
        await delay(500); // charts are drawn one after another
        expect(await axeProblems(page), `${path} ${colorScheme}`).toEqual([]);
        const widths = await widthsOf(page);
        expect(widths.document, path).toBeLessThanOrEqual(size.width);
        expect(widths.content, path).toBe(widths.seen);
        if (path === "/services" || path.startsWith("/services/%")) {
          expect(await page.locator("main").textContent()).toContain(HOSTILE);
        }
        expect(await page.evaluate(() => "pwned" in globalThis)).toBe(false);
        expect(await page.locator("main img:not([role])").count()).toBe(0);
      }
      await page.close();
    }
  });
});
