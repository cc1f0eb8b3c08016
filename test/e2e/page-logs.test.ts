import { appendFileSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeProblems, BrowserBed, hasBrowser, widthsOf } from "../support/browser.ts";
import { Bed, eventually } from "../support/programs.ts";
import { SecureBed } from "../support/secure-bed.ts";

const SOON = { timeout: 30_000 };

let browser: BrowserBed;
beforeAll(async () => {
  if (hasBrowser) browser = await BrowserBed.open();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  expect(browser?.problems ?? []).toEqual([]);
});

const inBrowser = test.skipIf(!hasBrowser);

/** Lines of a service, a second apart, the last one now. */
async function pushLines(url: string, service: string, lines: readonly string[]): Promise<void> {
  const endMs = Date.now();
  const values = lines.map((line, i) => [`${endMs - (lines.length - 1 - i) * 1000}000000`, line]);
  const body = JSON.stringify({ streams: [{ stream: { service, instance: "n1" }, values }] });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/loki/api/v1/push`, { method: "POST", headers, body });
  expect(answer.status, await answer.text()).toBe(204);
}

/** The highest line that can be seen. */
async function topLine(page: Page): Promise<string> {
  const from = (await page.locator(".line-scroller").boundingBox())?.y ?? 0;
  for (const one of await page.locator(".line-row").all()) {
    const box = await one.boundingBox();
    if (box !== null && box.y >= from) return (await one.locator(".line-text").textContent()) ?? "";
  }
  return "";
}

const row = (page: Page, text: string) => page.locator(".line-row", { hasText: text });

inBrowser(
  "from a line that an agent read to its node's charts at that second, and back",
  async () => {
    await using bed = await Bed.open();
    const file = bed.write("logs/shop.log", "");
    const include = `logs:\n  files:\n    - include: ${file}\n      labels: { service: shop }\n`;
    await bed.startReadyAggregator();
    bed.start("agent", [`--config=${bed.write("agent.yaml", include)}`]);
    await bed.untilUp();
    const url = `http://127.0.0.1:${bed.httpPort}`;
    await pushLines(url, "nginx", ["GET / 200", "GET /pay 500"]);
    const page = await browser.page(`${url}/`);
    await page.keyboard.press("g");
    await page.keyboard.press("l");
    await row(page, "GET /pay").waitFor(SOON);
    await eventually(() => {
      appendFileSync(file, "level=error msg=declined\n");
      return row(page, "declined").first().isVisible();
    });
    await page.getByRole("button", { name: "Choose streams" }).click();
    await page.getByRole("button", { name: "service", exact: true }).click();
    await page.getByRole("button", { name: "shop", exact: true }).click();
    await page.keyboard.press("Escape");
    await page.waitForURL((to) => to.searchParams.get("select") === '{service="shop"}');
    await row(page, "GET /pay").waitFor({ ...SOON, state: "detached" });
    await page.keyboard.press("/");
    await page.keyboard.type("declined");
    await page.keyboard.press("Enter");
    await page.waitForURL((to) => to.searchParams.get("filter") === '|= "declined"');
    await page.locator("mark", { hasText: "declined" }).first().waitFor(SOON);
    const bars = page.locator(".histogram tbody td");
    await eventually(async () => (await bars.allTextContents()).some((text) => Number(text) > 0));
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.locator(".line-row:focus, .line-row :focus").first().waitFor(SOON);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Charts of n1 at this second" }).click();
    await page.getByRole("heading", { name: "n1" }).waitFor(SOON);
    await page.locator(".line-row.at", { hasText: "declined" }).first().waitFor(SOON);
    await page
      .getByRole("listitem")
      .filter({ hasText: /^Log line/ })
      .waitFor(SOON);
    await page.getByRole("link", { name: "Open in Logs" }).click();
    await page.waitForURL(/\/logs\?.*instance.*n1.*at=\d+/);
    await page.locator(".line-row.at", { hasText: "declined" }).first().waitFor(SOON);
    await page.close();
  },
);

inBrowser(
  "older lines come as one scrolls, each once, and those that come in do not move them",
  async () => {
    await using bed = await Bed.open();
    await bed.startReadyAggregator();
    const url = `http://127.0.0.1:${bed.httpPort}`;
    await pushLines(
      url,
      "shop",
      Array.from({ length: 1300 }, (_, i) => `line ${i};`),
    );
    const page = await browser.page(`${url}/logs`);
    await row(page, "line 1299;").waitFor(SOON);
    const seen = new Set<string>();
    const scroller = page.locator(".line-scroller");
    await eventually(async () => {
      for (const text of await page.locator(".line-text").allTextContents()) seen.add(text);
      await scroller.evaluate((box) => box.scrollBy(0, 500));
      return seen.has("line 0;");
    });
    expect(seen.size).toBe(1300);
    await page.getByText("No more lines in this time").waitFor(SOON);
    const before = await topLine(page);
    await pushLines(url, "shop", ["one more"]);
    await eventually(async () => (await scroller.evaluate((box) => box.scrollHeight)) > 1300 * 22);
    await eventually(async () => (await topLine(page)) === before);
    await scroller.evaluate((box) => box.scrollTo(0, 0));
    await row(page, "one more").waitFor(SOON);
    await page.getByRole("button", { name: "Patterns" }).click();
    const pattern = page.locator(".pattern", { hasText: /line …;/ });
    await pattern.getByText("new").waitFor(SOON);
    await pattern.getByRole("button", { name: /^Without/ }).click();
    await row(page, "one more").waitFor(SOON);
    expect(await page.locator(".line-row").count()).toBe(1);
    await page.close();
  },
);

const HOSTILE = [
  "<script>globalThis.pwned = 1</script><img src=x onerror='globalThis.pwned = 1'>",
  "\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u202egnp.exe\u2066 {{constructor}}",
  `long ${"x".repeat(10_000)} end`,
  "",
];

inBrowser("lines, labels and links of any kind are shown as text", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  const url = `http://127.0.0.1:${bed.httpPort}`;
  for (const text of HOSTILE)
    await pushLines(url, text.slice(0, 1000) || "empty", [text, `after ${text}`]);
  for (const width of [1440, 390]) {
    const page = await browser.page(`${url}/logs?filter=%7C%3D+%22%3Cimg%22+bad`, { width });
    await page.locator("mark", { hasText: "<img" }).first().waitFor(SOON);
    await page.goto(`${url}/logs?tail=off`);
    for (const name of ["<script>", "red", "long"]) {
      await page.locator(".line-row > button", { hasText: `after ${name}` }).click();
    }
    const details = page.locator(".line-details");
    await details.getByRole("button", { name: "Show all of it (10 kB)" }).click();
    const texts = await details.locator("pre").allTextContents();
    const text = texts.join("\n");
    expect(text).toContain(HOSTILE[0]);
    expect(text).toContain("after red  \u202egnp.exe\u2066 {{constructor}}");
    expect(text).toContain(HOSTILE[2]);
    expect(await page.evaluate(() => "pwned" in globalThis)).toBe(false);
    expect(await page.locator("main script, main img").count()).toBe(0);
    expect(await axeProblems(page)).toEqual([]);
    const widths = await widthsOf(page);
    expect(widths.content).toBe(widths.seen);
    await page.goto(`${url}/logs?show=patterns&select=%7B%3Cscript%3E`);
    await page.getByText('invalid parameter "selector"').waitFor(SOON);
    await page.close();
  }
});

inBrowser("a query is completed, refused where it is wrong, run, shared and saved", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  bed.start("agent");
  await bed.untilUp();
  const url = `http://127.0.0.1:${bed.httpPort}`;
  await pushLines(url, "shop", ["level=error msg=declined"]);
  const page = await browser.page(`${url}/`);
  await page.keyboard.press("g");
  await page.keyboard.press("e");
  await page.getByRole("textbox", { name: "Query" }).click();
  await page.keyboard.type("sum(node_load");
  await page.locator(".cm-tooltip-autocomplete", { hasText: "node_load15" }).waitFor(SOON);
  await page.keyboard.press("Escape");
  await page.keyboard.type("1) +");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("PromQL 1:").waitFor(SOON);
  await page.locator(".cm-refused").waitFor(SOON);
  expect(await axeProblems(page)).toEqual([]);
  await page.keyboard.type(" 1");
  await page.keyboard.press("Escape"); // what is offered
  // The range ends at a full step, after which the node's first sample may be.
  await eventually(async () => {
    await page.keyboard.press("Enter");
    return await page.getByText(/^1 series in/).isVisible();
  }, SOON.timeout);
  await page.locator(".plot canvas").first().waitFor(SOON);
  await page.getByRole("button", { name: "Table" }).click();
  await page.waitForURL((to) => to.searchParams.get("query") === "sum(node_load1) + 1");
  const shared = await browser.page(page.url(), { width: 390, colorScheme: "dark" });
  await shared.locator(".result-table td.number").first().waitFor(SOON);
  expect(await axeProblems(shared)).toEqual([]);
  const { content, seen } = await widthsOf(shared);
  expect(content).toBe(seen);
  await shared.close();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "CSV" }).click(),
  ]);
  expect(readFileSync((await file.path()) ?? "", "utf8")).toMatch(
    /^time,value\r\n\d{4}-.*Z,[\d.]+/,
  );
  await page.getByLabel("Language of the query").selectOption("logql");
  await page.getByRole("button", { name: /detected_level="error"/ }).click();
  await row(page, "declined").waitFor(SOON);
  await page.goto(`${url}/explore?lang=logql&query=${encodeURIComponent("sum(rate({a=")}`);
  await page.getByRole("alert").getByText("LogQL 1:").waitFor(SOON);
  await page.close();
});

inBrowser(
  "with TLS a viewer's page follows lines over a socket that its cookie opens",
  async () => {
    await using secure = await SecureBed.open();
    const { output: token } = await secure.admin("user", "add", "vera", "--role=viewer");
    const page = await browser.page(`https://127.0.0.1:${secure.bed.httpPort}/logs`);
    await page.getByLabel("Token").fill(token.trim());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".log-tools .live.live").waitFor(SOON);
    await page.close();
  },
);
