import type { Fault } from "../shared/config/decode-yaml.ts";
import { OperationalError } from "../shared/errors.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { AlertContext, CONTEXT_LIMITS } from "./alert-context.ts";
import type { AggregatorConfig } from "./config.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "./logql/engine.ts";
import type { External } from "./model/alert.ts";
import type { LogSource } from "./model/log-lines.ts";
import { type AlertTable, openAlerts } from "./notify/alerts.ts";
import { AlertsView } from "./notify/alerts-view.ts";
import { parseNotifyConfig } from "./notify/config/notify-config.ts";
import type { ContextFn } from "./notify/delivery.ts";
import { INTEGRATION_KINDS } from "./notify/integrations/registry.ts";
import type { NotifyConfig } from "./notify/routing.ts";
import { openSilences } from "./notify/silences.ts";
import { compileTemplates } from "./notify/templates/notify-templates.ts";
import { withTopology } from "./notify/topology.ts";
import type { AggregatorPlatform, Opening } from "./platform.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "./promql/engine.ts";
import { RuleRunner } from "./rules/run-rules.ts";
import type { SeriesStore } from "./series/series-store.ts";

/** A rule waits this long for the ticks of nodes that are late. */
const DATA_WAIT_MAX_MS = 1000;
const NOTIFICATION_EXPIRY_MS = 86_400_000;
const NOTIFICATIONS_MAX = 100_000;

/** The routing file, checked; null where there is none. @throws OperationalError CONFIG */
export function readRouting(
  { notify: path }: AggregatorConfig,
  { readFile, readFiles }: Pick<AggregatorPlatform, "readFile" | "readFiles">,
): { readonly config: NotifyConfig | null; readonly faults: readonly Fault[] } {
  const text = readFile(path);
  if (text === null) return { config: null, faults: [] };
  const readText = (file: string) => {
    const found = readFile(file);
    if (found === null) throw new OperationalError("CONFIG", `${file}: there is no such file`);
    return found;
  };
  const deps = { kinds: INTEGRATION_KINDS, readText, readFiles, compileTemplates };
  const { config, faults } = parseNotifyConfig({ path, text }, deps);
  return { config: config === null ? null : withTopology(config), faults };
}

function externalOf(config: AggregatorConfig): External {
  return {
    labels: labelsOf(config.external_labels),
    url: config.external_url.replace(/\/$/, ""),
  };
}

export type Alerts = {
  readonly table: AlertTable;
  readonly view: AlertsView;
  /** Whose evaluations end in the table. */
  readonly rules: RuleRunner;
};

/** What messages say beside what rules say, unless the configuration does not want it. */
function contextOf(
  { config, platform, metrics, parts }: Opening,
  series: SeriesStore,
  lines: LogSource,
): ContextFn {
  if (!config.alert_context) return async (notification) => notification;
  const { clock, logger, pause } = platform;
  const limits = { ...CONTEXT_LIMITS, pause };
  const context = new AlertContext({
    series: new PromqlEngine(series, { ...DEFAULT_ENGINE_OPTIONS, ...limits }),
    lines: new LogqlEngine(lines, { ...DEFAULT_LOGQL_OPTIONS, ...limits }),
    ...{ clock, logger, metrics, externalUrl: externalOf(config).url },
  });
  parts.defer(async () => context[Symbol.dispose]());
  return context.add;
}

/** The alert table with its silences, and the rules. @throws OperationalError STORAGE */
export async function openRules(
  opening: Opening,
  series: SeriesStore,
  lines: LogSource,
  fleet: Fleet,
): Promise<Alerts> {
  const { config, platform, metrics, parts } = opening;
  const { clock, random, logger, request, mail } = platform;
  const external = externalOf(config);
  const ports = { request, mail, clock, externalUrl: external.url };
  const latenessMs = (node: string) => fleet.latenessMs(node);
  const context = contextOf(opening, series, lines);
  const opened = await platform.openStore(`${config.data_dir}/alerts`, metrics, async (store) => {
    const silences = await openSilences({ store, random, logger, metrics });
    const table = await openAlerts(
      { store, clock, random, logger, metrics, ports, context, silences, latenessMs },
      {
        external,
        expiryMs: NOTIFICATION_EXPIRY_MS,
        entriesMax: NOTIFICATIONS_MAX,
        startDelayMs: config.dispatch_start_delay,
      },
    );
    parts.defer(() => store.close());
    const externalLabels = external.labels;
    const view = new AlertsView(table, silences, { clock, ports, externalLabels });
    return { table, view };
  });
  parts.defer(() => opened.table.close());
  parts.run((signal) => opened.table.run(signal));
  const write = series.write.bind(series);
  const rules = new RuleRunner(
    { write, alerts: opened.table, dataClock: fleet, clock, logger, metrics },
    { defaultIntervalMs: config.evaluation_interval, external, dataWaitMaxMs: DATA_WAIT_MAX_MS },
  );
  return { ...opened, rules };
}
