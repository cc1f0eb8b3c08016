import { exitOnSignals } from "../test/support/programs.ts";
import { alerts } from "./alerts.ts";
import { backlog } from "./backlog.ts";
import type { BenchResult } from "./bench-result.ts";
import { collect } from "./collect.ts";
import { logload } from "./log-load.ts";
import { logstore } from "./logstore.ts";
import { otlp } from "./otlp.ts";
import { page } from "./page.ts";
import { patterns } from "./patterns.ts";
import { query } from "./query.ts";
import { scrape } from "./scrape.ts";
import { shape } from "./shape.ts";
import { spine } from "./spine.ts";
import { statsd } from "./statsd.ts";
import { store } from "./store.ts";
import { tail } from "./tail.ts";
import { understand } from "./understand.ts";
import { wire } from "./wire.ts";

/** One benchmark a name; the last line of its output is JSON, unless it cannot run here. */
const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<BenchResult | null>>> =
  {
    ...{ alerts, backlog, collect, logload, logstore, otlp, page, patterns, query },
    ...{ scrape, shape, spine, statsd, store, tail, understand, wire },
  };

const [name = "", ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`Usage: npm run bench -- NAME, where NAME is ${Object.keys(BENCHES).join(" or ")}`);
  process.exit(2);
}
if (bench !== collect) exitOnSignals(); // it has containers to take down first
const result = await bench(args);
if (result !== null) console.log(JSON.stringify(result));
process.exit(0);
