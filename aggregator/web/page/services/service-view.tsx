import { AlertList } from "../alerts/alert-list.tsx";
import { shownAlerts } from "../alerts/shown-alert.ts";
import { getJson, RequestError, timeOf } from "../browser.ts";
import { MarkList, RangePicker, useMarks, useWindow } from "../charts/ranged.tsx";
import { formatBytes, formatDuration, formatNumber, formatShare } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { Chart } from "../node/chart.tsx";
import { ContainerTable } from "../node/container-table.tsx";
import { LiveRegion } from "../node/live-region.tsx";
import { queryNow } from "../node/queries.ts";
import { clockMs, overview } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import { secondsText } from "./seconds-text.ts";
import { SERVICE_CHARTS } from "./service-charts.ts";
import { latencyOf, type Service } from "./service-rows.ts";
import { ServiceState, type ServicesAnswer } from "./services-view.tsx";

/** All about one service, under one time range. */
export function ServiceView({ name }: { name: string }) {
  const { turn, window } = useWindow();
  const matchers = `service=${JSON.stringify(name)}`;
  const marks = useMarks(matchers, window);
  return (
    <>
      <ServiceHead name={name} turn={turn} />
      <RangePicker {...window} />
      <ServiceAlerts name={name} />
      <MarkList marks={marks} />
      <div class="charts">
        {SERVICE_CHARTS.map((plan) => (
          <Chart key={plan.title} {...{ plan, matchers, window, marks }} />
        ))}
      </div>
      <Targets name={name} turn={turn} />
      <ContainerTable matchers={`${matchers},image!=""`} turn={turn} hasNodes />
      <LiveRegion />
    </>
  );
}

async function loadService(name: string, signal: AbortSignal): Promise<Service | undefined> {
  const path = `/api/v1/services?${new URLSearchParams({ service: name })}`;
  try {
    return (await getJson<ServicesAnswer>(path, signal)).data.services[0];
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) return undefined;
    throw error;
  }
}

function ServiceHead({ name, turn }: { name: string; turn: number }) {
  const load = async (signal: AbortSignal) => ({ service: await loadService(name, signal) });
  const loaded = useLoaded(load, [name, turn]).value;
  const service = loaded.value?.service;
  return (
    <div class="node-head">
      <h1>
        <bdi title={name}>{name}</bdi>
      </h1>
      {loaded.value !== null && service === undefined ? (
        <span class="problem">{words.value.serviceUnknown}</span>
      ) : null}
      {loaded.problem === "" ? null : <span class="problem">{loaded.problem}</span>}
      {service === undefined ? null : (
        <>
          <ServiceState service={service} />
          <ServiceFigures service={service} />
        </>
      )}
    </div>
  );
}

function ServiceFigures({ service }: { service: Service }) {
  const w = words.value;
  const { requestsPerSecond: rate, errorRatio, cpuCores, memoryBytes, lastChange } = service;
  const figures: [string, string][] = [
    [w.serviceRate, rate === null ? "–" : `${formatNumber(locale.value, rate)}/s`],
    [w.serviceErrors, errorRatio === null ? "–" : formatShare(locale.value, errorRatio)],
    [w.serviceLatency, secondsText(locale.value, latencyOf(service))],
    [w.cpuCores, cpuCores === null ? "–" : formatNumber(locale.value, cpuCores)],
    [w.memory, memoryBytes === null ? "–" : formatBytes(locale.value, memoryBytes)],
  ];
  if (lastChange !== null) {
    const ago = formatDuration(locale.value, clockMs.value - timeOf(lastChange.time));
    figures.push([w.serviceChanged, ago]);
    if (lastChange.previousImage !== "") {
      figures.push([w.image, `${lastChange.previousImage} → ${lastChange.image}`]);
    }
  }
  return (
    <dl class="node-figures">
      {figures.map(([title, text]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd class="number">
            <bdi>{text}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function ServiceAlerts({ name }: { name: string }) {
  const columns = overview.value?.alerts;
  if (columns === undefined) return null;
  const alerts = shownAlerts(columns).filter(({ labels }) => labels["service"] === name);
  if (alerts.length === 0) return null;
  return (
    <section class="part" aria-label={words.value.alerts}>
      <AlertList alerts={alerts} label={words.value.alerts} />
    </section>
  );
}

/** What is scraped and probed of it; those that are down first. */
function Targets({ name, turn }: { name: string; turn: number }) {
  const text = JSON.stringify(name);
  const query = `up{service=${text}} or up{service="",job=${text}} or probe_success{service=${text}}`;
  const found = useLoaded((signal) => queryNow(query, signal), [query, turn]).value.value ?? [];
  if (found.length === 0) return null;
  const w = words.value;
  const targets = found.toSorted((a, b) => Number(a.value[1]) - Number(b.value[1]));
  return (
    <section class="part" aria-labelledby="targets-title">
      <h2 id="targets-title">
        {w.serviceTargets} <span class="quiet">{targets.length}</span>
      </h2>
      <ul class="targets">
        {targets.map(({ metric, value }) => (
          <li key={JSON.stringify(metric)} class={value[1] === "1" ? "" : "level-full"}>
            <span class="target-state">{value[1] === "1" ? w.serviceUp : w.serviceDown}</span>{" "}
            <bdi>{metric["instance"]}</bdi>{" "}
            <span class="quiet">
              <bdi>{metric["job"]}</bdi>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
