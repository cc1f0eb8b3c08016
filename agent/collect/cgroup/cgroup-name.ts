import {
  type ContainerFacts,
  factsOfPath,
  type OomEvents,
  seriesLabels,
} from "../../containers/container-facts.ts";
import { JOB_CONTAINERS } from "../collector.ts";
import type { ContainerDirectory } from "../containers/container-directory.ts";
import { cgroupLabels } from "./cgroup-kind.ts";
import type { CgroupNode } from "./cgroup-tree.ts";

type Labels = Readonly<Record<string, string>>;

/** Who knows containers by name. Ends with the collector. */
export type ContainerNames = Pick<ContainerDirectory, "lookup" | "forget" | "oomEvents"> &
  Partial<AsyncDisposable>;

/** Where there is nobody to ask. */
export const NAMES_OF_PATHS: ContainerNames = {
  lookup: (id, runtime, cgroupPath) => factsOfPath(id, runtime, cgroupPath),
  forget: () => undefined,
  oomEvents: () => null,
};

export type NameOptions = {
  readonly names: ContainerNames;
  /** Container labels that become labels of its series. */
  readonly containerLabels: readonly string[];
};

/** The labels of a cgroup's series, which for a container depend on what its runtime tells. */
export class CgroupName {
  readonly #node: CgroupNode;
  readonly #options: NameOptions;
  #facts: ContainerFacts | null = null;
  #key = "";
  /** Null as long as they are not known. */
  labels: Labels | null = null;

  constructor(node: CgroupNode, options: NameOptions) {
    this.#node = node;
    this.#options = options;
    if (node.kind.kind === "container") return;
    this.labels = { job: JOB_CONTAINERS, ...cgroupLabels(node.path, node.kind) };
  }

  /** As processes in it are told of; "" where it is no container. */
  get containerName(): string {
    return this.#facts?.name ?? "";
  }

  /** Null where it is no container. */
  get containerId(): string | null {
    const { kind } = this.#node;
    return kind.kind === "container" ? kind.containerId : null;
  }

  /** Those that the runtime sent by now; null: it sends none. */
  get oomEvents(): OomEvents | null {
    const { containerId } = this;
    return containerId === null ? null : this.#options.names.oomEvents(containerId);
  }

  /** Looks whether there is news; true when the labels are others than before. */
  refresh(nowMs: number): boolean {
    const { kind, path } = this.#node;
    if (kind.kind !== "container") return false;
    const { names, containerLabels } = this.#options;
    const facts = names.lookup(kind.containerId, kind.runtime, path, nowMs) ?? this.#facts;
    if (facts === null || facts === this.#facts) return false;
    this.#facts = facts;
    const labels = { ...seriesLabels(facts, containerLabels), id: path, job: JOB_CONTAINERS };
    const key = JSON.stringify(labels);
    if (key === this.#key) return false;
    this.#key = key;
    this.labels = labels;
    return true;
  }

  forget(): void {
    const { containerId } = this;
    if (containerId !== null) this.#options.names.forget(containerId);
  }
}
