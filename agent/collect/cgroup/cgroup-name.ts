import { JOB_CONTAINERS } from "../collector.ts";
import { type ContainerFacts, factsOfPath, seriesLabels } from "../runtime/container-facts.ts";
import { cgroupLabels } from "./cgroup-kind.ts";
import type { CgroupNode } from "./cgroup-tree.ts";

type Labels = Readonly<Record<string, string>>;

/** Who knows containers by name; ContainerDirectory does. */
export type ContainerNames = {
  /** Null: not known yet, to be asked again. The same object as long as nothing changed. */
  lookup(id: string, runtime: string, cgroupPath: string, nowMs: number): ContainerFacts | null;
  forget(id: string): void;
  /** OOM kills that the runtime told of, also after the cgroup is gone; null: it tells of none. */
  oomEvents(id: string): number | null;
};

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

  /** OOM kills that the runtime told of; 0 where it tells of none. */
  get oomEvents(): number {
    return this.#facts?.oomEvents ?? 0;
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
    const { kind } = this.#node;
    if (kind.kind === "container") this.#options.names.forget(kind.containerId);
  }
}
