import type { Fault } from "../shared/config/decode-yaml.ts";
import { OperationalError } from "../shared/errors.ts";
import { labelsOf } from "../shared/model/labels.ts";
import type { AggregatorConfig } from "./config.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { External } from "./model/alert.ts";
import { type AlertTable, openAlerts } from "./notify/alerts.ts";
import { AlertsView } from "./notify/alerts-view.ts";
import { parseNotifyConfig } from "./notify/config/notify-config.ts";
import { INTEGRATION_KINDS } from "./notify/integrations/registry.ts";
import type { NotifyConfig } from "./notify/routing.ts";
import { openSilences } from "./notify/silences.ts";
import { compileTemplates } from "./notify/templates/notify-templates.ts";
import { withTopology } from "./notify/topology.ts";
import type { AggregatorPlatform, Opening } from "./platform.ts";
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

/** The alert table with its silences, and the rules. @throws OperationalError STORAGE */
export async function openRules(
  { config, platform, metrics, parts }: Opening,
  series: SeriesStore,
  fleet: Fleet,
): Promise<Alerts> {
  const { clock, random, logger, request, mail } = platform;
  const external = externalOf(config);
  const ports = { request, mail, nowMs: () => clock.nowMs(), externalUrl: external.url };
  const latenessMs = (node: string) => fleet.latenessMs(node);
  const opened = await platform.openStore(`${config.data_dir}/alerts`, metrics, async (store) => {
    const silences = await openSilences({ store, random, logger, metrics });
    const table = await openAlerts(
      { store, clock, random, logger, metrics, ports, silences, latenessMs },
      {
        external,
        expiryMs: NOTIFICATION_EXPIRY_MS,
        entriesMax: NOTIFICATIONS_MAX,
        startDelayMs: config.dispatch_start_delay,
      },
    );
    parts.defer(() => store.close());
    return { table, view: new AlertsView(table, silences, clock) };
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
