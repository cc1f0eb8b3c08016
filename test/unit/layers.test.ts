import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/**
 * Who may import whom: `main → app → features → shared`. Every import counts, at any depth, of types
 * too, and none may lead back to its file. A failure lists the imports, each with the rule it breaks.
 */
const ROOT = join(import.meta.dirname, "../..");
const TOP_FOLDERS = ["agent", "aggregator", "cli", "shared", "bench", "test"];

/**
 * By folder, what its files may import besides the folder itself; a folder that is missing here may
 * not exist. Only the files beside app.ts join features. Nouns that features share are in model/.
 */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  agent: ["agent", "shared"],
  "agent/programs": ["agent", "shared"], // each is a main.ts of its own process
  "agent/collect": ["agent/containers", "agent/exposition", "agent/model", "shared"],
  "agent/config": ["agent/probes/config", "agent/scrape/config", "shared"],
  "agent/containers": ["shared"], // what the runtimes keep on disk
  "agent/exposition": ["shared"],
  "agent/footprint": ["shared"],
  "agent/frames": ["agent/queue", "shared"], // a queue knows nothing of what it carries
  "agent/identity": ["shared"],
  "agent/lines": ["agent/queue", "shared"],
  "agent/logs": ["agent/containers", "shared"],
  "agent/model": ["shared"], // nouns that features share
  "agent/pipeline": ["shared"],
  "agent/probes": ["agent/model", "shared"],
  "agent/queue": ["shared"],
  "agent/receive": ["agent/model", "shared"], // what is pushed
  "agent/scrape": ["agent/containers", "agent/exposition", "agent/model", "shared"],
  "agent/uplink": ["agent/model", "shared"],
  aggregator: ["aggregator", "shared"],
  "aggregator/access": ["aggregator/model", "shared"],
  "aggregator/api": ["aggregator/matching", "aggregator/model", "aggregator/query", "shared"],
  "aggregator/commit": ["aggregator/model", "shared"],
  "aggregator/fleet": ["aggregator/model", "shared"],
  "aggregator/ingest": ["aggregator/model", "shared"],
  "aggregator/logql": [
    "aggregator/model",
    "aggregator/query",
    "aggregator/matching",
    "aggregator/template",
    "shared",
  ],
  "aggregator/matching": ["shared"],
  "aggregator/model": ["shared"],
  "aggregator/notify": ["aggregator/matching", "aggregator/model", "aggregator/template", "shared"],
  "aggregator/promql": ["aggregator/query", "aggregator/matching", "shared"],
  "aggregator/query": ["aggregator/matching", "shared"],
  "aggregator/remote": ["aggregator/model", "shared"],
  "aggregator/rule-tests": [
    "aggregator/matching",
    "aggregator/model",
    "aggregator/promql",
    "aggregator/rules",
    "shared",
  ],
  "aggregator/rules": ["aggregator/model", "aggregator/template", "shared"],
  "aggregator/logs": ["aggregator/commit", "aggregator/model", "aggregator/matching", "shared"],
  "aggregator/series": ["aggregator/commit", "aggregator/model", "aggregator/matching", "shared"],
  "aggregator/template": ["aggregator/matching", "shared"],
  "aggregator/web": ["aggregator/model", "aggregator/query", "shared"],
  // What works on files alone is the aggregator's own code; only two commands load it.
  cli: ["aggregator/offline-rules.ts", "aggregator/rule-tests", "shared"],
  "shared/model": ["shared/errors.ts"],
  "shared/*": ["shared"],
  shared: ["shared"],
  bench: ["agent", "aggregator", "shared", "test/support"],
  "test/simulation": ["agent", "aggregator", "shared", "test/support"],
  "test/*": TOP_FOLDERS,
};

/** What runs in a browser, and what of the aggregator it may run there. */
const PAGE = "aggregator/web/page/";
const PAGE_PACKAGES = [
  ...["preact", "@preact/signals", "uplot", "@codemirror/", "@lezer/highlight"],
  "@prometheus-io/codemirror-promql",
];
const SHARED_WITH_PAGE = /^aggregator\/web\/(overview-(shape|changes)|containers-shape)\.ts$/;

/** Code of these computes and does nothing else; when it runs it needs only more of the kind. */
const PURE = [
  /^aggregator\/(logql|matching|model|promql|query|template|notify\/dispatch)\//,
  /^agent\/exposition\//,
  /^agent\/logs\/tail\/(glob|rotated-names)\.ts$/,
  /^aggregator\/logs\/understand\/(?!log-metrics-config)/,
  /^agent\/queue\/(dropped-ranges|ledger|stretches)\.ts$/,
  /^shared\/(model\/|errors\.ts$|time\/backoff\.ts$|wire\/(frame|target-limits)\.ts$)/,
  /^aggregator\/web\/(overview-(shape|changes)|containers-shape)\.ts$/,
  /-state\.ts$/,
  /^(node:assert(\/strict)?|re2js|@lezer\/\w+|@prometheus-io\/lezer-promql)$/,
];
const isPure = (path: string) => PURE.some((pattern) => pattern.test(path));

type Import = { readonly path: string; readonly isType: boolean };

const STATEMENT = /^(?:import|export)\s+(type\s)?(?:[\w$*{},\s]*?\sfrom\s+)?"([^"]+)"/gm;
const EXPRESSION = /\bimport\("([^"]+)"\)/g;

function importsOf(path: string, text: string): Import[] {
  const resolved = (to = "") => (to.startsWith(".") ? join(dirname(path), to) : to);
  const statements = [...text.matchAll(STATEMENT)].map(([, type, to]) => {
    return { path: resolved(to), isType: type !== undefined };
  });
  const expressions = [...text.matchAll(EXPRESSION)].map(([, to]) => {
    return { path: resolved(to), isType: false };
  });
  return [...statements, ...expressions];
}

function rulesBroken(files: ReadonlyMap<string, string>): string[] {
  const graph = new Map([...files].map(([path, text]) => [path, importsOf(path, text)]));
  const found: string[] = [];
  for (const [path, imports] of graph) {
    for (const one of imports) {
      const rule = layerBroken(path, one.path) ?? purityBroken(path, one);
      if (rule !== null) found.push(`${path} imports ${one.path}: ${rule}`);
    }
  }
  return [...found, ...cyclesOf(graph)];
}

function layerBroken(path: string, to: string): string | null {
  if (path.startsWith(PAGE)) return pageBroken(to);
  if (!TOP_FOLDERS.some((folder) => to.startsWith(`${folder}/`))) return null; // a package
  if (/(^|\/)main\.ts$/.test(to)) return "main.ts is imported by nobody";
  const [top = "", below] = dirname(path).split("/");
  const folder = below === undefined ? top : `${top}/${below}`;
  const allowed = IMPORTS[folder] ?? IMPORTS[`${top}/*`];
  if (allowed === undefined) return `${folder} is not in the table of test/unit/layers.test.ts`;
  if ([folder, ...allowed].some((one) => to === one || to.startsWith(`${one}/`))) return null;
  return `besides itself, ${folder} may import only ${allowed.join(", ")}`;
}

/** In a browser there is neither Node nor the rest of the aggregator. */
function pageBroken(to: string): string | null {
  const isOfPage = [PAGE, ...PAGE_PACKAGES].some((one) => to.startsWith(one));
  return isOfPage || SHARED_WITH_PAGE.test(to)
    ? null
    : "the page may import only itself, what the overview is made of, and its packages";
}

/** Types do not run, so layers are all that binds an import of them. */
function purityBroken(path: string, { path: to, isType }: Import): string | null {
  if (!isPure(path) || isPure(to)) return null;
  if (isType && !to.startsWith("node:")) return null;
  return "code that is pure may import only pure code and node:assert";
}

function cyclesOf(graph: ReadonlyMap<string, readonly Import[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string) => {
    const start = way.indexOf(path);
    if (start >= 0) found.push(`${[...way.slice(start), path].join(" → ")}: no import leads back`);
    if (start >= 0 || done.has(path)) return;
    way.push(path);
    for (const one of graph.get(path) ?? []) visit(one.path);
    way.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return found;
}

test("every import keeps to the layers, and none leads back to its file", () => {
  const paths = TOP_FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
      .filter((path) => !path.includes("/generated/")),
  );
  const files = new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
  expect(files.size).toBeGreaterThan(400);
  expect(rulesBroken(files)).toEqual([]);
});

test.each([
  [
    "agent/collect/a/b/c.ts",
    'import { Uplink } from "../../../uplink/uplink.ts";',
    "may import only",
  ],
  ["agent/queue/a.ts", 'import type { Config } from "../config.ts";', "may import only"],
  [
    "agent/a.ts",
    'export {\n  type Node,\n} from "../aggregator/model/node.ts";',
    "may import only",
  ],
  ["aggregator/api/a.ts", 'const engine = await import("../promql/engine.ts");', "may import only"],
  ["aggregator/new/a.ts", 'import { version } from "../../shared/version.ts";', "not in the table"],
  ["bench/a.ts", 'import type { Result } from "./main.ts";', "imported by nobody"],
  ["aggregator/rules/a-state.ts", 'import { readFile } from "node:fs/promises";', "pure"],
  ["shared/model/a.ts", 'import "./a.ts";', "no import leads back"],
  ["aggregator/web/page/a.tsx", 'import { join } from "node:path";', "the page may import only"],
  [
    "aggregator/web/page/a.ts",
    'import { x } from "../overview-feed.ts";',
    "the page may import only",
  ],
])("in %s, %s is refused", (path, text, rule) => {
  expect(rulesBroken(new Map([[path, text]]))).toEqual([expect.stringContaining(rule)]);
});

test("a cycle of types is refused", () => {
  const a = ["cli/a.ts", 'import type { B } from "./b.ts";'] as const;
  const b = ["cli/b.ts", 'import type { A } from "./a.ts";'] as const;
  expect(rulesBroken(new Map([a, b]))).toEqual([
    "cli/a.ts → cli/b.ts → cli/a.ts: no import leads back",
  ]);
});
