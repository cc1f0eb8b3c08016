import { labelsOf } from "../../../shared/model/labels.ts";
import {
  type Collector,
  counter,
  familiesOf,
  gauge,
  JOB_CONTAINERS,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ContainerDirectory } from "./container-directory.ts";
import type { ContainerFacts, Health } from "./container-facts.ts";

const INFO = [gauge("telltale_container_info", "What is known of a container, and where from.")];
const STATE = [gauge("container_state", "The state in which the runtime says the container is.")];
const NUMBERS: readonly SeriesSpec[] = [
  counter("container_restarts_total", "Times that the runtime started the container again."),
  gauge("container_last_exit_code", "Exit code of the container's last end."),
  counter("container_runtime_oom_events_total", "OOM events that the runtime sent."),
];
/** Not in a row: a row does not set what is negative. */
const HEALTH_NAME = "container_health_state";
const HEALTH_SPEC = gauge(HEALTH_NAME, "Health check: 1 healthy, 0 not (yet), -1 there is none.");
const RESTARTS = 0;
const EXIT_CODE = 1;
const OOM_EVENTS = 2;

const TIDY_MS = 60_000;
const ABSENT = -1;

/** As cAdvisor has it. */
const HEALTH: Readonly<Record<Health, number>> = {
  none: -1,
  starting: 0,
  unhealthy: 0,
  healthy: 1,
};

type ContainerSource = Pick<ContainerDirectory, "changes" | "containers" | "tidy">;

/** Names, states and counts that only runtimes know, of running and of stopped containers. */
export function containerStateCollector(
  directory: ContainerSource,
  context: CollectContext,
): Collector {
  return new ContainerStates(directory, context);
}

class ContainerStates implements Collector {
  readonly name = "containerstate";
  readonly families = familiesOf([...INFO, ...STATE, ...NUMBERS, HEALTH_SPEC]);
  readonly #directory: ContainerSource;
  readonly #context: CollectContext;
  readonly #rows = new Map<string, ContainerRows>();
  #changes = -1;
  #tidiedAtMs = Number.NEGATIVE_INFINITY;

  constructor(directory: ContainerSource, context: CollectContext) {
    this.#directory = directory;
    this.#context = context;
  }

  collect(nowMs: number): void {
    if (Math.abs(nowMs - this.#tidiedAtMs) >= TIDY_MS) {
      this.#tidiedAtMs = nowMs;
      this.#directory.tidy();
    }
    if (this.#directory.changes !== this.#changes) this.#update();
    for (const rows of this.#rows.values()) rows.set();
  }

  close(): void {
    this.#rows.clear();
  }

  #update(): void {
    this.#changes = this.#directory.changes;
    const gone = new Set(this.#rows.keys());
    for (const { facts, cgroupPath } of this.#directory.containers()) {
      gone.delete(facts.id);
      let rows = this.#rows.get(facts.id);
      if (rows === undefined) {
        rows = new ContainerRows(this.#context);
        this.#rows.set(facts.id, rows);
      }
      rows.update(facts, cgroupPath);
    }
    for (const id of gone) {
      this.#rows.get(id)?.retire();
      this.#rows.delete(id);
    }
  }
}

/** The series of one container. */
class ContainerRows {
  readonly #context: CollectContext;
  #facts: ContainerFacts | null = null;
  #cgroupPath = "";
  #infoKey = "";
  #baseKey = "";
  #info: SeriesRow | null = null;
  #numbers: SeriesRow | null = null;
  #state: SeriesRow | null = null;
  #stateName = "";
  #health: HealthSeries | null = null;

  constructor(context: CollectContext) {
    this.#context = context;
  }

  /** A series whose labels changed ends, and another one begins. */
  update(facts: ContainerFacts, cgroupPath: string): void {
    if (facts === this.#facts && cgroupPath === this.#cgroupPath) return;
    this.#facts = facts;
    this.#cgroupPath = cgroupPath;
    const { sink } = this.#context;
    const base = {
      job: JOB_CONTAINERS,
      // A container that never ran has no cgroup to be known by.
      id: cgroupPath === "" ? facts.id : cgroupPath,
      name: facts.name,
      image: facts.image,
    };
    const baseKey = JSON.stringify(base);
    const isSame = baseKey === this.#baseKey;
    const info = { ...base, ...infoLabels(facts) };
    const infoKey = JSON.stringify(info);
    if (infoKey !== this.#infoKey) {
      this.#info?.retire();
      this.#info = new SeriesRow(sink, INFO, info);
      this.#infoKey = infoKey;
    }
    if (!isSame) {
      this.#numbers?.retire();
      this.#health?.retire();
      this.#numbers = new SeriesRow(sink, NUMBERS, base);
      this.#health = new HealthSeries(this.#context, base);
      this.#baseKey = baseKey;
    }
    const state = facts.state ?? "";
    if (!isSame || state !== this.#stateName) {
      this.#state?.retire();
      this.#state = state === "" ? null : new SeriesRow(sink, STATE, { ...base, state });
      this.#stateName = state;
    }
  }

  set(): void {
    const facts = this.#facts;
    if (facts === null) return;
    this.#info?.set(0, 1);
    this.#state?.set(0, 1);
    this.#numbers?.set(RESTARTS, facts.restarts ?? ABSENT);
    this.#numbers?.set(EXIT_CODE, facts.lastExitCode ?? ABSENT);
    this.#numbers?.set(OOM_EVENTS, facts.oomEvents ?? ABSENT);
    if (facts.health !== null) this.#health?.set(HEALTH[facts.health]);
  }

  retire(): void {
    for (const row of [this.#info, this.#state, this.#numbers, this.#health]) row?.retire();
  }
}

function infoLabels(facts: ContainerFacts): Record<string, string> {
  return {
    image_digest: facts.imageDigest,
    runtime: facts.runtime,
    source: facts.source,
    compose_project: facts.composeProject,
    compose_service: facts.composeService,
    pod: facts.pod?.name ?? "",
    pod_uid: facts.pod?.uid ?? "",
    namespace: facts.pod?.namespace ?? "",
    container: facts.pod?.container ?? "",
  };
}

/** One series whose value may be negative. */
class HealthSeries {
  readonly #context: CollectContext;
  readonly #labels: Readonly<Record<string, string>>;
  #slot = ABSENT;

  constructor(context: CollectContext, labels: Readonly<Record<string, string>>) {
    this.#context = context;
    this.#labels = labels;
  }

  set(value: number): void {
    const { sink } = this.#context;
    if (this.#slot === ABSENT) {
      this.#slot = sink.define(0, labelsOf({ ...this.#labels, __name__: HEALTH_NAME }));
    }
    sink.set(this.#slot, value);
  }

  retire(): void {
    if (this.#slot !== ABSENT) this.#context.sink.retire(this.#slot);
    this.#slot = ABSENT;
  }
}
