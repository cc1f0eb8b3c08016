import { getJson, timeOf } from "../browser.ts";
import { formatBytes, formatDuration, formatNumber, formatShare } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { errorLevel } from "../overview/services-part.tsx";
import { clockMs } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import type { Column } from "../table/columns.ts";
import { Loading } from "../table/loading.tsx";
import { VirtualTable } from "../table/virtual-table.tsx";
import { useTurns } from "../turns.ts";
import { servicePath } from "../view.ts";
import { secondsText } from "./seconds-text.ts";
import { badness, latencyOf, type Service, stateOf } from "./service-rows.ts";

const EVERY_MS = 10_000;

export type ServicesAnswer = {
  readonly data: { readonly services: readonly Service[]; readonly isTruncated: boolean };
};

/** What each service does, whatever it is measured by. */
export function ServicesView() {
  const turn = useTurns(EVERY_MS);
  const load = (signal: AbortSignal) => getJson<ServicesAnswer>("/api/v1/services", signal);
  const loaded = useLoaded(load, [turn]).value;
  const w = words.value;
  if (loaded.value === null) return <Loading title={w.services} problem={loaded.problem} />;
  const { services, isTruncated } = loaded.value.data;
  return (
    <VirtualTable
      title={w.services}
      rows={services}
      columns={columnsOf()}
      keyOf={nameOf}
      textOf={({ name, source, alerts }) =>
        `${name} ${source} ${alerts.map((alert) => alert.name).join(" ")}`
      }
      pathOf={({ name }) => servicePath(name)}
      nameOf={nameOf}
      sort="state"
      empty={w.servicesNone}
      remark={
        <>
          {isTruncated ? <span class="problem">{w.servicesCut}</span> : null}
          {loaded.problem === "" ? null : <span class="problem">{loaded.problem}</span>}
        </>
      }
    />
  );
}

const nameOf = ({ name }: Service) => name;

function columnsOf(): Column<Service>[] {
  const w = words.value;
  const number = { isNumber: true, width: "minmax(70px, 0.6fr)" } as const;
  return [
    {
      key: "name",
      title: w.name,
      width: "minmax(130px, 1.4fr)",
      valueOf: nameOf,
      cell: () => null,
    },
    {
      ...{ key: "state", title: w.state, hint: w.serviceStateHint, isRanked: true },
      width: "minmax(120px, 1.4fr)",
      valueOf: badness,
      cell: (service) => <ServiceState service={service} />,
    },
    {
      ...{ key: "rate", title: w.serviceRate, ...number },
      valueOf: ({ requestsPerSecond }) => requestsPerSecond,
      cell: ({ requestsPerSecond: rate }) =>
        rate === null ? "–" : `${formatNumber(locale.value, rate)}/s`,
    },
    {
      ...{ key: "errors", title: w.serviceErrors, ...number },
      valueOf: ({ errorRatio }) => errorRatio,
      cell: ({ errorRatio }) => (
        <span class={`level-${errorLevel(errorRatio)}`}>
          {errorRatio === null ? "–" : formatShare(locale.value, errorRatio)}
        </span>
      ),
    },
    latencyColumn("p50", "P50", ({ latencyP50Seconds }) => latencyP50Seconds),
    latencyColumn("p95", "P95", latencyOf),
    latencyColumn("p99", "P99", ({ latencyP99Seconds }) => latencyP99Seconds),
    ...standingColumns(),
  ];
}

function latencyColumn(
  key: string,
  title: string,
  latency: (service: Service) => number | null,
): Column<Service> {
  return {
    ...{ key, title, hint: words.value.serviceLatencyHint, isNumber: true, valueOf: latency },
    width: "minmax(64px, 0.5fr)",
    cell: (service) => secondsText(locale.value, latency(service)),
  };
}

/** What stands behind it, and what that costs. */
function standingColumns(): Column<Service>[] {
  const w = words.value;
  const number = { isNumber: true, width: "minmax(64px, 0.5fr)" } as const;
  return [
    {
      ...{ key: "cpu", title: w.cpu, hint: w.cpuCores, ...number },
      valueOf: ({ cpuCores }) => cpuCores,
      cell: ({ cpuCores }) => (cpuCores === null ? "–" : formatNumber(locale.value, cpuCores)),
    },
    {
      ...{ key: "memory", title: w.memory, ...number },
      valueOf: ({ memoryBytes }) => memoryBytes,
      cell: ({ memoryBytes }) =>
        memoryBytes === null ? "–" : formatBytes(locale.value, memoryBytes),
    },
    {
      ...{ key: "containers", title: w.containers, ...number },
      valueOf: ({ containers }) => containers,
      cell: ({ containers }) => (containers === 0 ? "–" : containers),
    },
    {
      ...{ key: "targets", title: w.serviceTargets, ...number },
      valueOf: ({ targets }) => targets,
      cell: ({ targets, targetsUp }) =>
        targets === 0 ? (
          "–"
        ) : (
          <span class={targetsUp < targets ? "level-full" : ""}>{`${targetsUp}/${targets}`}</span>
        ),
    },
    {
      ...{ key: "changed", title: w.serviceChanged, ...number },
      valueOf: ({ lastChange }) => (lastChange === null ? null : timeOf(lastChange.time)),
      cell: ({ lastChange }) =>
        lastChange === null ? (
          "–"
        ) : (
          <span title={lastChange.image}>
            {formatDuration(locale.value, clockMs.peek() - timeOf(lastChange.time))}
          </span>
        ),
    },
    {
      ...{ key: "source", title: w.serviceSource, hint: w.serviceSourceHint },
      width: "minmax(64px, 0.5fr)",
      valueOf: ({ source }) => source,
      cell: ({ source }) => <span class="quiet">{source}</span>,
    },
  ];
}

/** How it stands, and why. */
export function ServiceState({ service }: { service: Service }) {
  const w = words.value;
  const state = stateOf(service);
  const [alert] = service.alerts;
  const down = service.targets - service.targetsUp;
  const text = {
    alerting: alert?.name ?? "",
    down: w.serviceTargetsDown(String(down)),
    good: w.serviceGood,
    unknown: w.serviceIdle,
  }[state];
  const more = service.alerts.length > 1 ? ` +${service.alerts.length - 1}` : "";
  return (
    <span class={`service-state service-${state}`} title={alert?.summary || text}>
      <span class="shape" aria-hidden="true" />
      <bdi>{text}</bdi>
      {more}
    </span>
  );
}
