import { ChangeList } from "../changes/change-list.tsx";
import { MarkList, RangePicker, useMarks, useWindow } from "../charts/ranged.tsx";
import { formatBytes, formatDuration, formatNumber } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { LogPane } from "../logs/log-pane.tsx";
import { selectorOf } from "../logs/log-question.ts";
import { Chart } from "../node/chart.tsx";
import type { PromSample } from "../node/prom-answer.ts";
import { queryNow } from "../node/queries.ts";
import { clockMs, overview } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import { nodePath, servicePath } from "../view.ts";
import { CONTAINER_CHARTS, containerMatchers } from "./container-charts.ts";
import { StateText } from "./state-text.tsx";

/** All about one container, under one time range. */
export function ContainerView({ node, name }: { node: string; name: string }) {
  const { turn, window } = useWindow();
  const matchers = containerMatchers(node, name);
  const marks = useMarks(`instance=${JSON.stringify(node)},name=${JSON.stringify(name)}`, window);
  const changes = (overview.value?.changes ?? []).filter(
    (one) => one.node === node && one.name === name,
  );
  return (
    <>
      <ContainerHead {...{ node, name, matchers, turn }} />
      <RangePicker {...window} />
      <MarkList marks={marks} />
      <ChangeList changes={changes} title={words.value.changes} isOfOne />
      <div class="charts">
        {CONTAINER_CHARTS.map((plan) => (
          <Chart key={plan.title} {...{ plan, matchers, window, marks }} />
        ))}
      </div>
      <LogPane selector={selectorOf({ instance: node, container: name })} range={window} />
    </>
  );
}

/** What is asked of a container once more with every turn. */
const FACTS = {
  seen: (of: string) => `container_last_seen{${of}}`,
  state: (of: string) => `container_state{${of}}`,
  started: (of: string) => `container_start_time_seconds{${of}}`,
  cpuLimit: (of: string) =>
    `(container_spec_cpu_quota{${of}} > 0) / container_spec_cpu_period{${of}}`,
  memoryLimit: (of: string) => `container_spec_memory_limit_bytes{${of}} > 0`,
  restarts: (of: string) => `container_restarts_total{${of}}`,
  oomKills: (of: string) => `container_oom_events_total{${of}}`,
};
type Facts = Record<keyof typeof FACTS, readonly PromSample[]>;

async function loadFacts(matchers: string, signal: AbortSignal): Promise<Facts> {
  const found = await Promise.all(
    Object.entries(FACTS).map(async ([name, query]) => [
      name,
      await queryNow(query(matchers), signal),
    ]),
  );
  return Object.fromEntries(found) as Facts;
}

type HeadProps = { node: string; name: string; matchers: string; turn: number };

function ContainerHead({ node, name, matchers, turn }: HeadProps) {
  const facts = useLoaded((signal) => loadFacts(matchers, signal), [matchers, turn]).value.value;
  const w = words.value;
  const labels = (facts?.seen[0] ?? facts?.state[0])?.metric;
  return (
    <div class="node-head">
      <h1>
        <bdi title={name}>{name}</bdi>
      </h1>
      <span>
        <span class="quiet">{w.node}</span>{" "}
        <a href={nodePath(node)}>
          <bdi>{node}</bdi>
        </a>
      </span>
      {facts !== null && labels === undefined ? (
        <span class="problem">{w.containerUnknown}</span>
      ) : null}
      {facts === null || labels === undefined ? null : (
        <dl class="node-figures">
          <HeadFigures facts={facts} />
          {labels["service"] === undefined ? null : (
            <div>
              <dt>{w.service}</dt>
              <dd>
                <a href={servicePath(labels["service"])}>
                  <bdi>{labels["service"]}</bdi>
                </a>
              </dd>
            </div>
          )}
          {labels["image"] === undefined ? null : (
            <div class="head-image">
              <dt>{w.image}</dt>
              <dd>
                <bdi title={labels["image"]}>{labels["image"]}</bdi>
              </dd>
            </div>
          )}
        </dl>
      )}
    </div>
  );
}

function HeadFigures({ facts }: { facts: Facts }) {
  const w = words.value;
  const state = facts.state[0]?.metric["state"] ?? (facts.seen.length > 0 ? "running" : "");
  const startedS = numberOf(facts.started);
  const [cpu, memory] = [numberOf(facts.cpuLimit), numberOf(facts.memoryLimit)];
  const count = (samples: readonly PromSample[]) => {
    const value = numberOf(samples);
    return value === null ? "–" : formatNumber(locale.value, value);
  };
  return (
    <>
      <div>
        <dt>{w.state}</dt>
        <dd>
          <StateText state={state} />
          {startedS === null ? null : (
            <span class="quiet">
              {" "}
              {formatDuration(locale.value, clockMs.value - startedS * 1000)}
            </span>
          )}
        </dd>
      </div>
      <div>
        <dt>{w.containerCpuLimit}</dt>
        <dd>{cpu === null ? w.noLimit : formatNumber(locale.value, cpu)}</dd>
      </div>
      <div>
        <dt>{w.containerMemoryLimit}</dt>
        <dd>{memory === null ? w.noLimit : formatBytes(locale.value, memory)}</dd>
      </div>
      <div>
        <dt>{w.containersRestarts}</dt>
        <dd class="number">{count(facts.restarts)}</dd>
      </div>
      <div>
        <dt>{w.containersOom}</dt>
        <dd class="number">{count(facts.oomKills)}</dd>
      </div>
    </>
  );
}

function numberOf(samples: readonly PromSample[]): number | null {
  const values = samples.map(({ value }) => Number(value[1])).filter(Number.isFinite);
  return values.length === 0 ? null : Math.max(...values);
}
