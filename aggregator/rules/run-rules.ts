import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import type { RuleGroupSnapshot } from "../model/rule-snapshot.ts";
import { type GroupDeps, type GroupOptions, GroupRunner, ruleCounters } from "./group.ts";
import type { DataClock } from "./ports.ts";
import type { RuleGroup } from "./rule-files.ts";

export type RulesDeps = Omit<GroupDeps, "counters"> & {
  readonly dataClock: DataClock;
  readonly metrics: Metrics;
};

export type RulesOptions = GroupOptions & {
  /** How long an evaluation waits for its data. */
  readonly dataWaitMaxMs: number;
};

type Loop = {
  readonly runner: GroupRunner;
  readonly stop: AbortController;
  readonly done: Promise<void>;
};

/** All rule groups, each evaluated in a loop of its own; none before `apply`. */
export class RuleRunner {
  readonly #deps: RulesDeps;
  readonly #options: RulesOptions;
  readonly #groupDeps: GroupDeps;
  /** By file and name, in the order of the files. */
  #loops = new Map<string, Loop>();

  constructor(deps: RulesDeps, options: RulesOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#groupDeps = { ...deps, counters: ruleCounters(deps.metrics) };
  }

  /**
   * Takes these groups in place of the ones before, whole or not at all. A group that did not change
   * goes on undisturbed, a rule that is still there keeps its alerts. `commit` ends the alerts of all
   * other rules, and may take more into force with them. One call at a time.
   * @throws what `commit` throws; the groups before go on then
   */
  async apply(
    groups: readonly RuleGroup[],
    commit: (ruleIds: ReadonlySet<string>) => Promise<void>,
  ): Promise<void> {
    const runners = groups.map((group) => {
      const known = this.#loops.get(groupKey(group))?.runner;
      const isSame = known !== undefined && definitionOf(known.group) === definitionOf(group);
      return isSame ? known : new GroupRunner(group, this.#groupDeps, this.#options);
    });
    const ended = [...this.#loops.values()].filter(({ runner }) => !runners.includes(runner));
    await stopLoops(ended);
    try {
      await commit(new Set(runners.flatMap(({ ruleIds }) => ruleIds)));
    } catch (error) {
      for (const { runner } of ended) this.#loops.set(groupKey(runner.group), this.#start(runner));
      throw error;
    }
    const before = this.#loops;
    this.#loops = new Map(
      runners.map((runner) => {
        const loop = before.get(groupKey(runner.group));
        return [groupKey(runner.group), loop?.runner === runner ? loop : this.#start(runner)];
      }),
    );
    await this.#endSeries(ended);
  }

  rules(): RuleGroupSnapshot[] {
    return [...this.#loops.values()].map(({ runner }) => runner.snapshot());
  }

  /** Ends after the evaluations that are under way. */
  async close(): Promise<void> {
    await stopLoops([...this.#loops.values()]);
  }

  #start(runner: GroupRunner): Loop {
    const stop = new AbortController();
    const done = runGroup(runner, this.#deps, this.#options.dataWaitMaxMs, stop.signal);
    return { runner, stop, done };
  }

  /** Marks stale what groups wrote that now write no more, or under fewer names. */
  async #endSeries(ended: readonly Loop[]): Promise<void> {
    const inUse = new Set([...this.#loops.values()].flatMap(({ runner }) => runner.writeGroups));
    for (const name of ended.flatMap(({ runner }) => runner.writeGroups)) {
      if (inUse.has(name)) continue;
      try {
        await this.#deps.write(name, this.#deps.clock.nowMs(), []);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        const fields = { group: name, code: error.code, error: errorMessage(error) };
        this.#deps.logger.warn(fields, "could not end the series of a rule group");
      }
    }
  }
}

function groupKey({ file, name }: RuleGroup): string {
  return `${file}\0${name}`;
}

/** Two groups of one definition do the same. A template is its text. */
function definitionOf(group: RuleGroup): string {
  return JSON.stringify(group, (key, value) => (key === "parsed" ? undefined : value));
}

async function stopLoops(loops: readonly Loop[]): Promise<void> {
  for (const { stop } of loops) stop.abort();
  await Promise.all(loops.map(({ done }) => done));
}

/**
 * Evaluates the group at multiples of its interval, the first one that comes. Times that were missed
 * are counted and left out; after a step back of the clock it goes on from there.
 */
async function runGroup(
  runner: GroupRunner,
  deps: RulesDeps,
  dataWaitMaxMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  const { intervalMs } = runner;
  let lastMs = Math.floor(clock.nowMs() / intervalMs) * intervalMs;
  try {
    for (;;) {
      const nowMs = clock.nowMs();
      const dueMs = Math.floor(nowMs / intervalMs) * intervalMs;
      if (dueMs <= lastMs && dueMs >= lastMs - intervalMs) {
        await clock.sleep(lastMs + intervalMs - nowMs, signal);
        continue;
      }
      const missed = (dueMs - lastMs) / intervalMs - 1;
      if (missed > 0) runner.countMissed(missed);
      const waitMaxMs = dueMs + dataWaitMaxMs - nowMs;
      await waitForData(deps, dueMs - runner.group.queryOffsetMs, waitMaxMs, signal);
      await runner.evaluate(dueMs);
      lastMs = dueMs;
    }
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  }
}

const LATE = "the data is late";

/** Until the data of a time is complete, and no longer than `waitMaxMs`. */
async function waitForData(
  { clock, dataClock }: RulesDeps,
  dataMs: number,
  waitMaxMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (waitMaxMs <= 0 || dataClock.isComplete(dataMs)) return;
  const deadline = { clock, ms: waitMaxMs, signal, late: () => LATE };
  const wait = withDeadline(deadline, async (within) => {
    while (!dataClock.isComplete(dataMs)) await dataClock.changed(within);
  });
  await wait.catch((error) => {
    if (error !== LATE) throw error;
  });
}
