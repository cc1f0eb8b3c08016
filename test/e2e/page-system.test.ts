import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { axeProblems, BrowserBed, hasBrowser, widthsOf } from "../support/browser.ts";
import { Bed, eventually, Hook } from "../support/programs.ts";
import { SecureBed } from "../support/secure-bed.ts";

const RULES = `
groups:
  - name: load
    interval: 1s
    rules:
      - alert: LoadIsHigh
        expr: node_load1 > -0.5
        labels: { severity: critical }
        annotations: { summary: "load of {{ $labels.instance }}" }
      - { record: "broken:rule", expr: "up * on (job) {__name__=~'node_load.*'}" }
`;
const notify = (url: string) => `
route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s }
receivers:
  - name: hook
    webhook_configs: [{ url: "${url}" }]
`;
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

/** What a reverse proxy that strips nothing does; the host it passes on is the aggregator's own. */
async function openProxy(port: number): Promise<string> {
  const optionsOf = ({ url: path, method, headers }: IncomingMessage) => {
    const own = { host: `127.0.0.1:${port}`, "x-forwarded-host": headers.host };
    return { host: "127.0.0.1", port, path, method, headers: { ...headers, ...own } };
  };
  const server = createServer((asked, answer) => {
    const passed = request(optionsOf(asked), (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    asked.pipe(passed);
  });
  server.on("upgrade", (asked, socket) => {
    const passed = request(optionsOf(asked));
    passed.on("upgrade", ({ rawHeaders }, other) => {
      const lines = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`));
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
      for (const one of [socket, other]) one.on("error", () => {});
      socket.pipe(other).pipe(socket);
    });
    passed.on("error", () => socket.destroy());
    passed.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

inBrowser(
  "behind a proxy and under a prefix all works, and nothing is asked beside it",
  async () => {
    await using bed = await Bed.open();
    bed.write("rules/r.yaml", RULES);
    bed.start("aggregator", ["--web-prefix=/apps/telltale/"]);
    const url = await openProxy(bed.httpPort);
    const ready = `${url}/apps/telltale/-/ready`;
    await eventually(async () => (await fetch(ready)).ok, 90_000);
    bed.start("agent");
    const page = await browser.page(`${url}/`);
    const beside: string[] = [];
    page.on("request", (one) => {
      if (!new URL(one.url()).pathname.startsWith("/apps/telltale/")) beside.push(one.url());
    });
    await page.getByRole("link", { name: "n1" }).first().waitFor(SOON);
    expect(page.url()).toBe(`${url}/apps/telltale/`);
    const row = page.getByRole("listitem").filter({ hasText: "LoadIsHigh" });
    await row.getByRole("button", { name: "Silence 1 h: LoadIsHigh" }).click();
    await row.getByText(/silenced until/).waitFor(SOON);
    await page.getByRole("link", { name: "n1" }).first().click();
    await page.waitForURL(`${url}/apps/telltale/nodes/n1`);
    await page.getByRole("img", { name: "CPU by mode" }).waitFor(SOON);
    await page.reload();
    await page.getByRole("heading", { name: "n1" }).waitFor(SOON);
    await page.getByRole("link", { name: "Alerts" }).click();
    await page.waitForURL(`${url}/apps/telltale/alerts`);
    await page.keyboard.press("g");
    await page.keyboard.press("y");
    await page.waitForURL(`${url}/apps/telltale/system`);
    await page.getByRole("row").filter({ hasText: "n1" }).first().waitFor(SOON);
    await page.goBack();
    await page.waitForURL(`${url}/apps/telltale/alerts`);
    expect(beside).toEqual([]);
    await page.close();
  },
);

/** In two sizes, both languages, dark and light. */
async function isAccessible(page: Page, what: string): Promise<void> {
  for (const [width, colorScheme] of [
    [1440, "light"],
    [390, "dark"],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    expect(await axeProblems(page), `${what} ${colorScheme}`).toEqual([]);
    const widths = await widthsOf(page);
    expect(widths.document, what).toBeLessThanOrEqual(width);
    expect(widths.content, what).toBe(widths.seen);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
}

inBrowser(
  "the state of the system shows accounts, stores, limits and what needs a look",
  async () => {
    await using bed = await Bed.open();
    await bed.startReadyAggregator();
    const page = await browser.page(`http://127.0.0.1:${bed.httpPort}/system`);
    await page.getByText("No node yet").waitFor(SOON);
    await isAccessible(page, "nothing");
    bed.start("agent");
    const accounts = page.getByRole("region", { name: "Accounts and buffers" });
    const row = accounts.getByRole("row").filter({ hasText: "n1" });
    await row.getByText("up").waitFor(SOON);
    // Unaccounted is the last column: the agent's accounts, which come every few seconds, balance.
    await eventually(async () => (await row.getByRole("cell").last().textContent()) === "0");
    const stores = page.getByRole("region", { name: "Stores" });
    await stores.getByRole("row").filter({ hasText: "Samples" }).getByText(/B$/).waitFor(SOON);
    await page.getByText("There is no routing").waitFor(SOON);
    await page.getByText("Disk of the stores").waitFor(SOON);
    await isAccessible(page, "one node");
    await page.getByLabel("Language").selectOption("zh");
    await page.getByRole("heading", { name: "账目与缓冲" }).waitFor(SOON);
    await isAccessible(page, "zh");
    await page.getByLabel("语言").selectOption("en");
    await page.close();
  },
);

inBrowser(
  "rules show their cost, their error, and what they measure beside the threshold",
  async () => {
    await using bed = await Bed.open();
    bed.write("rules/r.yaml", RULES);
    await bed.startReadyAggregator();
    bed.start("agent");
    const page = await browser.page(`http://127.0.0.1:${bed.httpPort}/alerts?show=rules`);
    const rule = page.getByRole("row").filter({ hasText: "LoadIsHigh" });
    await rule.getByText("firing 1").waitFor(SOON);
    await rule.getByText(/^[\d.]+ ms$/).waitFor(SOON);
    await page.getByRole("row").filter({ hasText: "broken:rule" }).getByText("fails").waitFor(SOON);
    await rule.getByRole("button", { name: "LoadIsHigh" }).click();
    await page.getByRole("img", { name: "What the rule measures" }).waitFor(SOON);
    await page.getByText("threshold >").first().waitFor(SOON);
    await isAccessible(page, "rules");
    await page.getByRole("link", { name: "Now", exact: true }).click();
    await page.waitForURL(/\/alerts$/);
    await page.getByRole("button", { name: "LoadIsHigh" }).first().click();
    await page.getByRole("img", { name: "What the rule measures" }).waitFor(SOON);
    const shown = page.locator(".legend li").first().locator(".number");
    await eventually(async () => /\d/.test((await shown.textContent()) ?? ""));
    await isAccessible(page, "an alert");
    await page.getByRole("link", { name: "History" }).click();
    const band = page.getByRole("listitem").filter({ hasText: "LoadIsHigh" });
    await band.getByText(/^1× · /).waitFor(SOON);
    await isAccessible(page, "history");
    await page.keyboard.press("[");
    await page.waitForURL(/show=history&from=\d+&to=\d+/);
    await page.close();
  },
);

inBrowser("a silence is made, edited and ended, and a receiver is tried out", async () => {
  await using bed = await Bed.open();
  await using hook = await Hook.open();
  bed.write("rules/r.yaml", RULES);
  bed.write("notify.yaml", notify(hook.url));
  await bed.startReadyAggregator();
  bed.start("agent");
  const url = `http://127.0.0.1:${bed.httpPort}`;
  const page = await browser.page(`${url}/alerts`);
  await page.getByRole("button", { name: "New silence" }).click();
  await page.getByLabel("label", { exact: true }).fill("alertname");
  await page.getByLabel("operator").selectOption("=~");
  await page.getByLabel("value", { exact: true }).fill("Load.*");
  await isAccessible(page, "new silence");
  await page.getByRole("button", { name: "Silence", exact: true }).click();
  const silence = page.getByRole("listitem").filter({ hasText: 'alertname=~"Load.*"' });
  await silence.getByRole("button", { name: /^Edit/ }).click();
  await silence.getByLabel("Comment").fill("known");
  await silence.getByRole("button", { name: "Add a label" }).click();
  await silence.getByLabel("label", { exact: true }).nth(1).fill("severity");
  await silence.getByLabel("value", { exact: true }).nth(1).fill("critical");
  await silence.getByRole("button", { name: "Save" }).click();
  const edited = page.getByRole("listitem").filter({ hasText: 'severity="critical"' });
  await edited.getByText("known").waitFor(SOON);
  const all = (await (await fetch(`${url}/api/v2/silences`)).json()) as SilenceBody[];
  const active = all.filter(({ status }) => status.state === "active");
  expect(active).toMatchObject([{ comment: "known", createdBy: "page" }]);
  await edited.getByRole("button", { name: /^End silence/ }).click();
  await page.getByText("No silence is in force").waitFor(SOON);
  await page.getByRole("link", { name: "Notifications" }).click();
  await page.getByRole("button", { name: "Send a test: hook" }).click();
  await page.getByRole("status").getByText("delivered").waitFor(SOON);
  await eventually(() => hook.story.includes("TelltaleTest firing"));
  hook.statusCode = 400;
  await page.getByRole("button", { name: "Send a test: hook" }).click();
  await page.getByRole("status").getByText("refused").waitFor(SOON);
  await page.getByRole("row").filter({ hasText: "hook" }).first().waitFor(SOON);
  await isAccessible(page, "notifications");
  await page.close();
});

type SilenceBody = { readonly status: { readonly state: string } };

inBrowser(
  "a session that an admin ends asks for the token at once, and its user's others go on",
  async () => {
    await using secure = await SecureBed.open((bed) => {
      bed.write("rules/r.yaml", RULES);
      return ["--tls=required"];
    });
    const { output: token } = await secure.admin("user", "add", "ann", "--role=viewer");
    const url = `https://127.0.0.1:${secure.bed.httpPort}/system`;
    const page = await browser.page(url);
    await page.getByLabel("Token").fill(token.trim());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Limits" }).waitFor(SOON);
    const listed = (await secure.admin("user", "sessions")).output.trim().split(/\s+/);
    expect(listed).toHaveLength(4);
    const [id = "", user] = listed;
    expect(user).toBe("ann");
    const session = await page.evaluate(async () => (await fetch("/session")).json());
    expect(session).toEqual({ access: "person", name: "ann", role: "viewer" });
    const tested = await page.evaluate(async () => {
      const headers = { "content-type": "application/json" };
      const path = "/api/telltale/v1/receivers/test";
      return (await fetch(path, { method: "POST", headers, body: "{}" })).status;
    });
    expect(tested, "a viewer may not try a receiver").toBe(403);
    await secure.aggregator.stop();
    secure.aggregator = secure.bed.start("aggregator", ["--tls=required"]);
    await page.getByRole("status").getByText("Live").waitFor({ timeout: 60_000 });
    await secure.admin("user", "end", id);
    await page.getByLabel("Token").waitFor(SOON);
    expect((await secure.admin("user", "sessions")).output).toBe("");
    await page.getByLabel("Token").fill(token.trim());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Limits" }).waitFor(SOON);
    await page.close();
  },
);
