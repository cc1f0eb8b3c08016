import fc from "fast-check";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BrowserBed, hasBrowser, widthsOf } from "../support/browser.ts";
import { Bed, eventually } from "../support/programs.ts";

/** Whatever a name, a label, an annotation or a log line says, every view shows it as text. */

const SOON = { timeout: 30_000 };
const SEED = Number(process.env["PROPERTY_SEED"] ?? 20_261_201);
const ESC = "\u001b";

/** Each would be something else than text where a text is put together carelessly. */
const PIECES = [
  "<script>globalThis.pwned = 1</script>",
  "<img src=x onerror='globalThis.pwned = 1'>",
  "<svg/onload=alert(1)>",
  "</title></textarea></style><iframe src=javascript:alert(1)>",
  "javascript:alert(1)//",
  `"'\`>{{constructor.constructor('alert(1)')()}}`,
  `\${globalThis.pwned=1}`,
  "&lt;b&gt;&#x3c;i&#x3e;",
  "\u202egnp.exe\u2066\u2069",
  "\u200b\u0301\ufeff\u2028",
  `${ESC}[31mred${ESC}]0;title\u0007`,
  "__proto__",
  "../../../session?x=1#y",
  "\r\n\t\v",
  "日本語 ﷽ 🏴‍☠️",
];

/** No half of a character stands alone. */
const isWellFormed = (one: string) => !/\p{Surrogate}/u.test(one);

const text = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 12 })), { minLength: 1 })
  .map((parts) => parts.join("").replaceAll("\u0000", ""))
  .filter((one) => one.trim() !== "" && isWellFormed(one))
  .map((one) => one.slice(0, 1000))
  .filter(isWellFormed);

/** The same each time; the last one is 4 kB long, which is as long as a label may be. */
const TEXTS = [
  ...new Set([...fc.sample(text, { seed: SEED, numRuns: 12 }), ...PIECES, "x".repeat(4000)]),
];
/** Names of receivers are shorter. */
const SHORT = TEXTS.filter(({ length }) => length <= 200);
/** Annotations may be longer. */
const LONG = `${"<b>".repeat(3400)}end`;
/** Printable ASCII without spaces, as a node's name has to be. */
const NODE = `<img/src=x/onerror=alert(1)>"'&/../%2f`;

let browser: BrowserBed;
beforeAll(async () => {
  if (hasBrowser) browser = await BrowserBed.open();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  expect(browser?.problems ?? []).toEqual([]);
});

/** What a view shows, with everything opened that can be. */
async function shownText(page: Page): Promise<string> {
  await page.locator('main button[aria-expanded="false"]').evaluateAll((all) => {
    for (const one of all) (one as unknown as { click(): void }).click();
  });
  return (await page.locator("main").textContent()) ?? "";
}

async function isOnlyText(page: Page, where: string): Promise<void> {
  expect(await page.evaluate(() => "pwned" in globalThis), where).toBe(false);
  const made =
    "main :is(script, img, iframe, svg:not([role=img]), b, i, style, object, embed, base)";
  expect(await page.locator(made).count(), where).toBe(0);
  expect(await page.locator('a[href^="javascript" i]').count(), where).toBe(0);
  const origin = new URL(page.url()).origin;
  const links = await page.locator("a").evaluateAll((all) => {
    return all.map((one) => new URL((one as unknown as { href: string }).href).origin);
  });
  expect([...new Set(links)], where).toEqual([origin]);
  const { content, seen } = await widthsOf(page);
  expect(content, where).toBe(seen);
}

const json = { "content-type": "application/json" };

async function post(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, { method: "POST", headers: json, body: JSON.stringify(body) });
  expect(response.status, await response.text()).toBeLessThan(300);
}

function recorded(record: string, labels: Readonly<Record<string, string>>) {
  return { record, expr: "vector(1)", labels };
}

/** Labels and annotations of rules are templates. */
function untemplated(one: string): string {
  return one.replaceAll("{{", "{ {");
}

function prepare(bed: Bed): void {
  const rules = TEXTS.map((one, i) => ({
    ...{ alert: one, expr: `vector(${i}) >= 0 # <script>` },
    labels: { severity: untemplated(one), mountpoint: untemplated(one) },
    annotations: { summary: untemplated(one), description: LONG },
  }));
  // What an agent would say of containers, and rules of services, of these names.
  const records = TEXTS.flatMap((one) => [
    recorded("container_memory_working_set_bytes", {
      ...{ job: "cadvisor", name: one, image: one, instance: NODE },
    }),
    recorded("service:requests:rate2m", { service: one, source: "http" }),
  ]);
  const group = { name: TEXTS[0], interval: "1s", rules: [...rules, ...records] };
  bed.write("rules/hostile.yaml", JSON.stringify({ groups: [group] }));
  const receivers = SHORT.map((name) => ({ name }));
  const route = { receiver: SHORT[0] };
  bed.write("notify.yaml", JSON.stringify({ route, receivers }));
}

test.skipIf(!hasBrowser)("hostile texts are shown as text in every view", async () => {
  await using bed = await Bed.open();
  prepare(bed);
  await bed.startReadyAggregator();
  bed.start("agent", [`--node=${NODE}`]);
  const url = `http://127.0.0.1:${bed.httpPort}`;
  const posted = TEXTS.map((one) => ({
    labels: { alertname: one, instance: one, container: one, severity: one },
    annotations: { summary: one, description: one },
  }));
  await post(`${url}/api/v2/alerts`, posted);
  const silenced = {
    matchers: TEXTS.slice(0, 20).map((value) => ({ name: "a", value, isRegex: false })),
    ...{ startsAt: new Date().toISOString(), endsAt: new Date(Date.now() + 3e6).toISOString() },
    ...{ createdBy: PIECES.join("").slice(0, 100), comment: TEXTS.join(" ").slice(0, 900) },
  };
  await post(`${url}/api/v2/silences`, silenced);
  const values = TEXTS.map((line, i) => [`${Date.now() - i}000000`, line]);
  const stream = { service: PIECES[0], path: PIECES[1] };
  await post(`${url}/loki/api/v1/push`, { streams: [{ stream, values }] });
  await bed.untilUp();
  const views: [path: string, texts: readonly string[]][] = [
    ["/", TEXTS],
    ["/alerts", TEXTS],
    ["/alerts?show=rules", TEXTS],
    ["/alerts?show=history", []],
    ["/alerts?show=notifications", SHORT],
    ["/system", [NODE, ...SHORT]],
    [`/nodes/${encodeURIComponent(NODE)}`, [NODE]],
    [`/nodes/${encodeURIComponent(TEXTS[0] ?? "")}`, [TEXTS[0] ?? ""]],
    ["/containers", []],
    [`/containers/${encodeURIComponent(NODE)}/${encodeURIComponent(TEXTS[0] ?? "")}`, []],
    ["/services", []],
    [`/services/${encodeURIComponent(TEXTS[0] ?? "")}`, []],
    ["/compare/memory?by=containers", []],
    [`/?q=${encodeURIComponent(PIECES[0] ?? "")}`, []],
  ];
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    for (const [path, texts] of views) {
      // On a phone the overview shows the worst few only.
      if (path === "/" && width < 500) continue;
      const page = await browser.page(`${url}${path}`, { width, height });
      await page.locator("main .part").first().waitFor(SOON);
      await eventually(async () => {
        const shown = await shownText(page);
        const missing = texts.filter((one) => !shown.includes(one));
        if (missing.length > 0) throw new Error(`${path} lacks ${JSON.stringify(missing[0])}`);
        return true;
      });
      await isOnlyText(page, `${path} ${width}`);
      await page.close();
    }
  }
});
