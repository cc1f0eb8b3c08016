import type { ContainerFacts, Health } from "../../containers/container-facts.ts";
import { containerService } from "../../containers/service-name.ts";
import { type Collector, counter, familiesOf, gauge, JOB_CONTAINERS } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { ChangingRow } from "../kit/changing-row.ts";
import type { ContainerDirectory } from "./container-directory.ts";

const INFO = [gauge("telltale_container_info", "What is known of a container, and where from.")];
const STATE = [gauge("container_state", "The state in which the runtime says the container is.")];
const NUMBERS = [
  counter("container_restarts_total", "Times that the runtime started the container again."),
  gauge("container_last_exit_code", "Exit code of the container's last end."),
  counter("container_runtime_oom_events_total", "OOM events that the runtime sent."),
  gauge("container_health_state", "Health check: 1 healthy, 0 not (yet), -1 there is none."),
];
const RESTARTS = 0;
const EXIT_CODE = 1;
const OOM_EVENTS = 2;
const HEALTH = 3;

const TIDY_MS = 60_000;

/** As cAdvisor has it. */
const HEALTH_VALUES: Readonly<Record<Health, number>> = {
  none: -1,
  starting: 0,
  unhealthy: 0,
  healthy: 1,
};

type ContainerSource = Pick<ContainerDirectory, "changes" | "containers" | "tidy">;

/** Names, states and counts that only runtimes know, of running and of stopped containers. */
export class ContainerStates implements Collector {
  readonly name = "containerstate";
  readonly families = familiesOf([...INFO, ...STATE, ...NUMBERS]);
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
  readonly #info: ChangingRow;
  readonly #state: ChangingRow;
  readonly #numbers: ChangingRow;
  #facts: ContainerFacts | null = null;
  #cgroupPath = "";

  constructor({ sink }: CollectContext) {
    this.#info = new ChangingRow(sink, INFO);
    this.#state = new ChangingRow(sink, STATE);
    this.#numbers = new ChangingRow(sink, NUMBERS);
  }

  update(facts: ContainerFacts, cgroupPath: string): void {
    if (facts === this.#facts && cgroupPath === this.#cgroupPath) return;
    this.#facts = facts;
    this.#cgroupPath = cgroupPath;
    const base = {
      job: JOB_CONTAINERS,
      // A container that never ran has no cgroup to be known by.
      id: cgroupPath === "" ? facts.id : cgroupPath,
      name: facts.name,
      image: facts.image,
      service: containerService(facts),
    };
    const { state } = facts;
    this.#info.label({ ...base, ...infoLabels(facts) });
    this.#state.label(state === null ? null : { ...base, state });
    this.#numbers.label(base);
  }

  set(): void {
    const facts = this.#facts;
    if (facts === null) return;
    this.#info.row?.set(0, 1);
    this.#state.row?.set(0, 1);
    const numbers = this.#numbers.row;
    numbers?.set(RESTARTS, facts.restarts ?? ABSENT);
    numbers?.set(EXIT_CODE, facts.lastExitCode ?? ABSENT);
    numbers?.set(OOM_EVENTS, facts.oomEvents?.events ?? ABSENT);
    if (facts.health !== null) numbers?.setSigned(HEALTH, HEALTH_VALUES[facts.health]);
  }

  retire(): void {
    for (const row of [this.#info, this.#state, this.#numbers]) row.label(null);
  }
}

function infoLabels(facts: ContainerFacts): Record<string, string> {
  const label = (name: string) => facts.labels[name] ?? "";
  return {
    image_digest: facts.imageDigest,
    runtime: facts.runtime,
    source: facts.source,
    compose_project: label("com.docker.compose.project") || label("io.podman.compose.project"),
    compose_service: label("com.docker.compose.service") || label("io.podman.compose.service"),
    pod: facts.pod?.name ?? "",
    pod_uid: facts.pod?.uid ?? "",
    namespace: facts.pod?.namespace ?? "",
    container: facts.pod?.container ?? "",
  };
}
