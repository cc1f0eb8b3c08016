import { afterAll, beforeAll, expect, test } from "vitest";
import { axeProblems, BrowserBed, hasBrowser, widthsOf } from "../support/browser.ts";
import { Bed, eventually, Hook } from "../support/programs.ts";
import { SecureBed } from "../support/secure-bed.ts";

const RULES = `
groups:
  - name: load
    interval: 1s
    rules:
      - alert: LoadIsHigh
        expr: node_load1 >= 0
        labels: { severity: critical }
        annotations: { summary: "load of {{ $labels.instance }}" }
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

inBrowser("a node shows up by itself, and its page has charts and numbers", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  const page = await browser.page(`http://127.0.0.1:${bed.httpPort}/`);
  await page.getByText("No node yet").waitFor(SOON);
  expect(await axeProblems(page)).toEqual([]);
  bed.start("agent");
  await page.getByRole("link", { name: "n1" }).waitFor(SOON);
  await page.locator(".figure-cpu .number", { hasText: "%" }).waitFor(SOON);
  await page.keyboard.press("j");
  await page.locator('[data-row="0"]:focus').waitFor(SOON);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "n1" }).waitFor(SOON);
  expect(page.url()).toContain("/nodes/n1");
  await page.getByRole("img", { name: "CPU by mode" }).waitFor(SOON);
  await eventually(async () => (await page.locator(".plot canvas").count()) >= 8);
  const rows = page.locator(".chart table").first().locator("tbody td");
  await eventually(async () =>
    (await rows.allTextContents()).some((text) => /^[\d.]+%$/.test(text)),
  );
  await page.getByRole("img", { name: "CPU by mode" }).press("ArrowLeft");
  await page.locator("[aria-live]", { hasText: "user" }).waitFor({ ...SOON, state: "attached" });
  await page.keyboard.press("[");
  await page.waitForURL(/from=\d+&to=\d+/);
  await page.keyboard.press("]");
  await page.waitForURL((url) => !url.searchParams.has("from"));
  await page.close();
});

inBrowser("no view breaks a rule of accessibility, and none is wider than a phone", async () => {
  await using bed = await Bed.open();
  bed.write("rules/r.yaml", RULES);
  await bed.startReadyAggregator();
  bed.start("agent");
  const url = `http://127.0.0.1:${bed.httpPort}`;
  for (const [size, colorScheme] of [
    [{ width: 1440, height: 900 }, "light"],
    [{ width: 390, height: 844 }, "dark"],
  ] as const) {
    const page = await browser.page(`${url}/`, { ...size, colorScheme });
    await page.locator(".figure-cpu .number", { hasText: "%" }).waitFor(SOON);
    await page.getByRole("listitem").filter({ hasText: "LoadIsHigh" }).waitFor(SOON);
    for (const path of ["/", "/alerts", "/nodes/n1"]) {
      await page.goto(`${url}${path}`);
      await page.getByText("LoadIsHigh").first().waitFor(SOON);
      if (path === "/nodes/n1") await page.locator(".plot canvas").nth(7).waitFor(SOON);
      expect(await axeProblems(page), `${path} ${colorScheme}`).toEqual([]);
      const widths = await widthsOf(page);
      expect(widths.document, path).toBeLessThanOrEqual(size.width);
      expect(widths.content, path).toBe(widths.seen);
    }
    await page.getByLabel("Language").selectOption("zh");
    await page.goto(`${url}/`);
    await page.getByRole("heading", { name: /^节点/ }).waitFor(SOON);
    expect(await axeProblems(page), `zh ${colorScheme}`).toEqual([]);
    await page.getByLabel("语言").selectOption("en");
    await page.close();
  }
});

inBrowser(
  "an alert is acknowledged and silenced in its row, and no receiver hears of it",
  async () => {
    await using bed = await Bed.open();
    await using hook = await Hook.open();
    bed.write("rules/r.yaml", RULES);
    bed.write("notify.yaml", notify(hook.url));
    await bed.startReadyAggregator();
    bed.start("agent");
    const url = `http://127.0.0.1:${bed.httpPort}`;
    const page = await browser.page(`${url}/`);
    const row = page.getByRole("listitem").filter({ hasText: "LoadIsHigh" });
    await row.getByRole("link", { name: "n1" }).waitFor(SOON);
    await eventually(() => hook.story.includes("LoadIsHigh firing"));
    await row.getByRole("button", { name: "Acknowledge: LoadIsHigh" }).click();
    await row.getByText("acknowledged by page").waitFor(SOON);
    await row.getByRole("button", { name: "Silence 1 h: LoadIsHigh" }).click();
    await row.getByText(/silenced until/).waitFor(SOON);
    const alerts = await (await fetch(`${url}/api/v2/alerts`)).json();
    expect(alerts).toMatchObject([{ status: { state: "suppressed" } }]);
    await eventually(() => hook.story.at(-1) === "LoadIsHigh firing");
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    const silence = page.getByRole("listitem").filter({ hasText: 'alertname="LoadIsHigh"' });
    await silence.getByText("by page").waitFor(SOON);
    await silence.getByRole("button", { name: /^End silence/ }).click();
    await page.getByText("No silence is in force").waitFor(SOON);
    await page.close();
  },
);

inBrowser("an open page outlives its aggregator, says so, and goes on by itself", async () => {
  await using bed = await Bed.open();
  const aggregator = await bed.startReadyAggregator();
  bed.start("agent");
  const page = await browser.page(`http://127.0.0.1:${bed.httpPort}/`);
  await page.getByRole("link", { name: "n1" }).waitFor(SOON);
  await aggregator.kill();
  await page.getByRole("status").getByText("Connection lost, trying again").waitFor(SOON);
  await page.getByRole("link", { name: "n1" }).waitFor(SOON); // what was known stays
  await bed.startReadyAggregator();
  await page.getByRole("status").getByText("Live").waitFor(SOON);
  await page.getByRole("button", { name: "Live" }).click();
  await page.getByRole("status").getByText("Paused").waitFor(SOON);
  await page.close();
});

const HOSTILE = [
  "<script>globalThis.pwned = 1</script>",
  "<img src=x onerror='globalThis.pwned = 1'>",
  `"'\`</title>{{constructor}}`,
  "\u202egnp.exe\u2066",
  "x".repeat(4000),
];

inBrowser("whatever a name, a label or a text says, it is shown as text", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  const url = `http://127.0.0.1:${bed.httpPort}`;
  const alerts = HOSTILE.map((text) => ({
    labels: { alertname: text, instance: text, mountpoint: text, severity: text },
    annotations: { summary: `${text} `.repeat(3), description: text },
  }));
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(alerts);
  const posted = await fetch(`${url}/api/v2/alerts`, { method: "POST", headers, body });
  expect(posted.status, await posted.text()).toBe(200);
  for (const path of ["/", "/alerts", `/nodes/${encodeURIComponent(HOSTILE[0] ?? "")}`]) {
    // On a phone the overview shows the worst few only.
    const size = path === "/" ? {} : { width: 390, height: 844 };
    const page = await browser.page(`${url}${path}`, size);
    await page.locator(".alert").first().waitFor(SOON);
    for (const button of await page.locator("button.alert-name").all()) await button.click();
    const text = await page.locator("main").textContent();
    for (const one of path.startsWith("/nodes") ? HOSTILE.slice(0, 1) : HOSTILE) {
      expect(text).toContain(one);
    }
    expect(await page.evaluate(() => "pwned" in globalThis)).toBe(false);
    expect(await page.locator("main script, main img").count()).toBe(0);
    const { content, seen } = await widthsOf(page);
    expect(content, path).toBe(seen);
    await page.close();
  }
});

inBrowser("with TLS one signs in with a token, and a viewer can look and not change", async () => {
  await using secure = await SecureBed.open((bed) => {
    bed.write("rules/r.yaml", RULES);
    return ["--tls=required"];
  });
  const { output: viewer } = await secure.admin("user", "add", "vera", "--role=viewer");
  const { output: operator } = await secure.admin("user", "add", "otto", "--role=operator");
  await secure.join(await secure.token());
  secure.startAgent();
  const url = `https://127.0.0.1:${secure.bed.httpPort}/`;
  const page = await browser.page(url);
  const signIn = async (token: string) => {
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  await signIn("ttu_wrong");
  await page.getByText("The token stands for nobody").waitFor(SOON);
  expect(await axeProblems(page)).toEqual([]);
  await signIn(viewer.trim());
  const row = page.getByRole("listitem").filter({ hasText: "LoadIsHigh" });
  await row.waitFor(SOON);
  expect(await row.getByRole("button", { name: /Silence/ }).count()).toBe(0);
  const refused = await page.evaluate(async () => {
    const headers = { "content-type": "application/json" };
    return (await fetch("/api/v2/silences", { method: "POST", headers, body: "{}" })).status;
  });
  expect(refused).toBe(403);
  expect(await page.evaluate("document.cookie")).toBe("");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor(SOON);
  await signIn(operator.trim());
  await row.getByRole("button", { name: "Silence 1 h: LoadIsHigh" }).click();
  await row.getByText(/silenced until/).waitFor(SOON);
  await secure.admin("user", "remove", "otto");
  await page.reload();
  await page.getByLabel("Token").waitFor(SOON);
  await page.close();
});
