import { openSeriesStore } from "../../aggregator/series/series-store.ts";
import type { SeriesColumns } from "../../shared/model/columns.ts";
import { type Labels, labelsKey, labelValue } from "../../shared/model/labels.ts";
import { columnBits, isStale } from "../../shared/model/stale.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { takenColumns } from "../support/taken-columns.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AggregatorNode } from "./aggregator-node.ts";
import { HOT_ALERTS } from "./check-alerts.ts";
import { checkSamples } from "./check-samples.ts";
import { DROPPED_FOR_ROOM } from "./frame-buffer-watch.ts";
import type { Surroundings } from "./host.ts";
import type { AgentJournal, Tick } from "./journal.ts";
import type { Plan } from "./plan.ts";

/** An agent that came to an aggregator this long ago has its alerts there. */
const ALERTS_SETTLE_MS = 8000;
const ANSWER_MAX_MS = 60_000;
const SIMULATED = { name: "__name__", type: "=~", value: "sim_.+" } as const;
/** Frames that are made while the books are as they were told last. */
const BOOKS_AGE_FRAMES = 25;
const IN_FLIGHT_FRAMES = 2;
/** Both clocks are read in whole milliseconds, and answers take some of their own. */
const CLOCK_GRAIN_MS = 30;
const DAY_MS = 86_400_000;

/** By agent. */
type OwedTicks = ReadonlyMap<string, readonly Tick[]>;
/** What is wrong or there twice is found in either store, what is owed either may have. */
const NOTHING: OwedTicks = new Map();

/** What must hold when everything is delivered. */
export class FinalCheck {
  readonly #plan: Plan;
  readonly #world: Surroundings;
  readonly #aggregator: AggregatorNode;
  readonly #standby: AggregatorNode | undefined;
  readonly #agents: ReadonlyMap<string, AgentNode>;
  readonly #miscounts: string[] = [];
  /** As of the beginning: while queries run more ticks are made. */
  readonly #owed: OwedTicks;

  constructor(
    plan: Plan,
    world: Surroundings,
    aggregators: readonly AggregatorNode[],
    agents: ReadonlyMap<string, AgentNode>,
  ) {
    this.#plan = plan;
    this.#world = world;
    const [aggregator, standby] = aggregators;
    if (aggregator === undefined) throw new Error("There is no aggregator");
    this.#aggregator = aggregator;
    this.#standby = standby;
    this.#agents = agents;
    this.#owed = new Map([...agents].map(([name, { journal }]) => [name, journal.owed()]));
  }

  async run(): Promise<string[]> {
    const columns = await this.#answer(this.#durableColumns(this.#aggregator));
    if (this.#standby !== undefined) {
      const second = await this.#answer(this.#durableColumns(this.#standby));
      const either = mergedColumns(columns, second);
      return [
        ...this.#checkColumns("first", columns, { owed: NOTHING, hasMarkers: false }),
        ...this.#checkColumns("second", second, { owed: NOTHING, hasMarkers: false }),
        ...this.#checkColumns("either", either, { owed: this.#owed, hasMarkers: false }),
        ...this.#checkAlertStates(),
      ];
    }
    const durable = { owed: this.#owed, hasMarkers: true };
    const found = this.#checkColumns("on the disk", columns, durable);
    if (found.length > 0) return found;
    const live = await this.#answer(this.#liveColumns());
    return [
      ...this.#checkColumns("answered", live, { owed: this.#owed, hasMarkers: false }),
      ...(await this.#answer(this.#checkCounts())),
      ...this.#checkAlertStates(),
      ...this.#checkNodes(),
      ...this.#checkBooks(),
      ...this.#miscounts,
    ];
  }

  #checkColumns(
    where: string,
    columns: readonly SeriesColumns[],
    { owed, hasMarkers }: { readonly owed: OwedTicks; readonly hasMarkers: boolean },
  ): string[] {
    return [...this.#agents.values()].flatMap(({ journal }) => {
      const own = columns.filter(({ labels }) => labelValue(labels, "instance") === journal.agent);
      const expected = { owed: owed.get(journal.agent) ?? [], hasMarkers };
      return checkSamples(journal, own, expected).map((what) => `${where}: ${what}`);
    });
  }

  /** What a store opened on the aggregator's disk after the worst power cut would answer. */
  async #durableColumns({ host }: AggregatorNode): Promise<SeriesColumns[]> {
    const { clock } = this.#world;
    const store = new MemoryStore(host.disk("series").durableCopy());
    const stored = new Map(
      [...this.#agents].map(([name, { journal }]) => [name, this.#storedOf(journal)]),
    );
    const series = await openSeriesStore(
      { store, clock, logger: new MemoryLogger(), metrics: new Metrics() },
      {
        retentionMs: 15 * DAY_MS,
        futureLimitMs: 600_000,
        chunkMs: 600_000,
        commitDelayMs: 0,
        pause: async () => {},
      },
    );
    for (const { node, streamId } of series.streams()) {
      const { framesStored } = series.position(node, streamId);
      const least = stored.get(node) ?? 0;
      const most = least + IN_FLIGHT_FRAMES; // what is being written may be there already
      if (framesStored < least || framesStored > most) {
        this.#miscounts.push(
          `${node}: ${framesStored} frames count as stored, it is ${least} to ${most}`,
        );
      }
    }
    return await takenColumns(await series.select([SIMULATED], 0, this.#endMs()));
  }

  /** Frames on the aggregator's disk whose samples were not refused. */
  #storedOf({ ticks }: AgentJournal): number {
    const { safeFrames } = this.#aggregator;
    // What an agent's disk failed to write, or dropped for room, may have been written all the same.
    return ticks.filter(({ bytes, isRefused }) => !isRefused && safeFrames.has(bytes)).length;
  }

  async #liveColumns(): Promise<readonly SeriesColumns[]> {
    const result = await this.#query(`{__name__=~"sim_.+"}[1d]`);
    return result.type === "matrix" ? result.series : [];
  }

  /** As many as there are ticks of different times. */
  async #checkCounts(): Promise<string[]> {
    const result = await this.#query("count_over_time(sim_ops_total[1d])");
    const samples = result.type === "vector" ? result.samples : [];
    const found: string[] = [];
    for (const { journal } of this.#agents.values()) {
      const sample = samples.find(({ labels }) => labelValue(labels, "instance") === journal.agent);
      const least = new Set(this.#owed.get(journal.agent)?.map(({ timeMs }) => timeMs)).size;
      const most = new Set(journal.ticks.map(({ timeMs }) => timeMs)).size;
      const value = sample?.value ?? 0;
      if (value < least || value > most) {
        found.push(`${journal.agent}: count_over_time is ${value}, made were ${least} to ${most}`);
      }
    }
    return found;
  }

  /** As if nothing had ever failed: exactly the hosts that are hot have their alerts. */
  #checkAlertStates(): string[] {
    if (this.#standby === undefined) {
      return this.#checkStatesAt(this.#aggregator, [...this.#agents.keys()]);
    }
    const pairs = [
      [this.#aggregator, this.#standby],
      [this.#standby, this.#aggregator],
    ] as const;
    return pairs.flatMap(([here, there]) => {
      const isAt = ({ services, host }: AggregatorNode, agent: string, forMs: number) => {
        const node = services?.api.nodes().find(({ name }) => name === agent);
        return node?.state === "up" && host.wallMs() - node.stateSinceMs >= forMs;
      };
      const names = [...this.#agents.keys()];
      return this.#checkStatesAt(
        here,
        names.filter((name) => isAt(here, name, ALERTS_SETTLE_MS) && !isAt(there, name, 0)),
      );
    });
  }

  /** Of the agents that send there. */
  #checkStatesAt({ services, host }: AggregatorNode, names: readonly string[]): string[] {
    const firing = new Set(
      (services?.api.alerts() ?? [])
        .filter(({ state }) => state === "firing")
        .map(
          ({ labels }) => `${labelValue(labels, "alertname")} ${labelValue(labels, "instance")}`,
        ),
    );
    const found: string[] = [];
    for (const name of names) {
      for (const alertname of HOT_ALERTS) {
        const isFiring = firing.has(`${alertname} ${name}`);
        if (isFiring === this.#agents.get(name)?.source.isHot()) continue;
        found.push(`${name}: ${alertname} ${isFiring ? "fires" : "does not fire"} at ${host.name}`);
      }
      if (firing.has(`Gone ${name}`)) found.push(`${name} runs and counts as gone`);
    }
    return found;
  }

  #checkNodes(): string[] {
    const nodes = this.#aggregator.services?.api.nodes() ?? [];
    const found: string[] = [];
    for (const [name, { host, accounts }] of this.#agents) {
      const node = nodes.find((one) => one.name === name);
      if (node?.state !== "up") found.push(`${name} runs and is ${node?.state ?? "unknown"}`);
      const aheadMs = host.wallMs() - this.#aggregator.host.wallMs();
      const toldMs = node?.clockAheadMs ?? Number.POSITIVE_INFINITY;
      const wrongMaxMs = this.#plan.network.latencyMaxMs + CLOCK_GRAIN_MS;
      if (!(Math.abs(toldMs - aheadMs) <= wrongMaxMs)) {
        found.push(`${name} is ${aheadMs} ms ahead, and ${toldMs} is told`);
      }
      const missing = node?.framesMissing ?? 0;
      const forRoom = accounts().dropped.get(DROPPED_FOR_ROOM) ?? 0;
      if (missing > forRoom) found.push(`${name}: ${missing} missing, ${forRoom} were dropped`);
    }
    return found;
  }

  /** Promise 3 as the aggregator tells it; what it was told is of the last seconds. */
  #checkBooks(): string[] {
    const nodes = this.#aggregator.services?.api.nodes() ?? [];
    const found: string[] = [];
    for (const [name, { journal, accounts }] of this.#agents) {
      const node = nodes.find((one) => one.name === name);
      // Lines go to one of two aggregators, and what is waited for by one may be at the other.
      const isShared = this.#plan.choice !== null;
      const lost = isShared ? 0 : (node?.logAccounting?.unaccounted ?? 0);
      if (lost > 0) found.push(`${name}: ${lost} blocks of log lines are unaccounted for`);
      const books = node?.accounting ?? null;
      if (books === null) {
        found.push(`${name}: its books are not known`);
        continue;
      }
      const { made, stored, waiting, dropped, unaccounted } = books;
      const given = dropped.reduce((sum, { frames }) => sum + frames, 0);
      const frames = this.#storedOf(journal);
      const says = `made ${made}, stored ${stored}, waiting ${waiting}, dropped ${given}`;
      const isCurrent = stored <= frames && stored >= frames - BOOKS_AGE_FRAMES;
      const isSame = accounts().made >= made && accounts().made <= made + BOOKS_AGE_FRAMES;
      if (unaccounted !== 0 || made !== stored + waiting + given || !isCurrent || !isSame) {
        found.push(
          `${name}: the books say ${says}, unaccounted ${unaccounted}; ${frames} are stored`,
        );
      }
    }
    return found;
  }

  async #query(query: string) {
    const { services } = this.#aggregator;
    if (services === null) throw new Error("The aggregator is not there");
    const signal = new AbortController().signal;
    const options = { timeoutMs: null, limit: null, signal };
    return await services.api.instant({ query, timeMs: this.#endMs() }, options);
  }

  /** After every tick that there is. */
  #endMs(): number {
    const times = [...this.#agents.values()].flatMap(({ journal }) =>
      journal.ticks.map(({ timeMs }) => timeMs),
    );
    return Math.max(...times, this.#aggregator.host.wallMs()) + 1;
  }

  async #answer<T>(work: Promise<T>): Promise<T> {
    const { clock } = this.#world;
    let isDone = false;
    const watched = work.finally(() => {
      isDone = true;
    });
    watched.catch(() => undefined); // awaited below
    await clock.advanceWhile(ANSWER_MAX_MS, () => !isDone);
    if (!isDone) throw new Error(`seed ${this.#plan.seed}: no answer in ${ANSWER_MAX_MS} ms`);
    return await watched;
  }
}

/** Of each series the samples that either has; of two at one time that of the first. */
function mergedColumns(
  first: readonly SeriesColumns[],
  second: readonly SeriesColumns[],
): SeriesColumns[] {
  const byKey = new Map<string, { labels: Labels; values: Map<number, number> }>();
  for (const { labels, times, values } of [...second, ...first]) {
    const key = labelsKey(labels);
    const entry = byKey.get(key) ?? { labels, values: new Map<number, number>() };
    byKey.set(key, entry);
    const bits = columnBits(values);
    times.forEach((timeMs, index) => {
      const value = values[index] ?? 0;
      // One aggregator marks the end of what went on at the other.
      if (!isStale(bits, index)) entry.values.set(timeMs, value);
    });
  }
  return [...byKey.values()].map(({ labels, values }) => {
    const times = [...values.keys()].sort((a, b) => a - b);
    const sorted = times.map((timeMs) => values.get(timeMs) ?? 0);
    return { labels, times: Float64Array.from(times), values: Float64Array.from(sorted) };
  });
}
