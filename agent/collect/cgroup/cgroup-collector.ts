import { OperationalError } from "../../../shared/errors.ts";
import type { GroupSink } from "../../model/group-sink.ts";
import {
  type Collector,
  familiesOf,
  gauge,
  JOB_AGENT,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { MountsFile } from "../proc/mounts.ts";
import { Cgroup, type CgroupParts } from "./cgroup.ts";
import { planFiles } from "./cgroup-files.ts";
import { DeviceNames } from "./cgroup-io.ts";
import type { NameOptions } from "./cgroup-name.ts";
import { NetworkSpaces } from "./cgroup-network.ts";
import { CgroupProcesses } from "./cgroup-processes.ts";
import { IO_SPECS, NETWORK_SPECS, USAGE_SPECS, V2_SPECS } from "./cgroup-specs.ts";
import { type CgroupNode, CgroupTree } from "./cgroup-tree.ts";
import { findHierarchies, type Hierarchies } from "./hierarchies.ts";
import { PastKills } from "./past-kills.ts";

const AGENT_SPECS: readonly SeriesSpec[] = [
  gauge("telltale_agent_cgroups", "Cgroups whose metrics are collected."),
  gauge("telltale_agent_cgroups_left_out", "Cgroups left out because there are more than allowed."),
];

/** How often hierarchies are looked for while there are none. */
const SEARCH_MS = 10_000;

/** Containers, systemd units and slices, under cAdvisor's names. */
export class CgroupCollector implements Collector {
  readonly name = "cgroup";
  readonly families = familiesOf([
    ...V2_SPECS,
    ...IO_SPECS,
    ...USAGE_SPECS,
    ...NETWORK_SPECS,
    ...AGENT_SPECS,
  ]);
  readonly #context: CollectContext;
  readonly #groups: GroupSink;
  readonly #cgroupsMax: number;
  readonly #naming: NameOptions;
  readonly #mounts: MountsFile;
  readonly #devices: DeviceNames;
  readonly #agentRow: SeriesRow;
  readonly #cgroups = new Map<CgroupNode, Cgroup>();
  readonly #pastKills: PastKills;
  /** Wanted, but one too many. */
  readonly #leftOut = new Set<CgroupNode>();
  /** Found by the scan that runs. */
  #found: CgroupNode[] = [];
  #tree: CgroupTree | null = null;
  #parts: CgroupParts | null = null;
  #searchedAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: CollectContext, groups: GroupSink, cgroupsMax: number, naming: NameOptions) {
    this.#context = context;
    this.#groups = groups;
    this.#cgroupsMax = cgroupsMax;
    this.#naming = naming;
    this.#pastKills = new PastKills(context.sink, (id) => naming.names.oomEvents(id));
    this.#mounts = new MountsFile(context, context.hostRoot === "/" ? "self" : "init");
    this.#devices = new DeviceNames(context);
    this.#agentRow = new SeriesRow(context.sink, AGENT_SPECS, { job: JOB_AGENT });
  }

  /** @throws OperationalError NOT_FOUND when no cgroup hierarchy is mounted */
  collect(nowMs: number): void {
    this.#search(nowMs);
    const tree = this.#tree;
    if (tree === null) throw new OperationalError("NOT_FOUND", "No cgroup hierarchy is mounted");
    for (const cgroup of this.#cgroups.values()) {
      if (cgroup.collect(nowMs)) cgroup.node.isWatched = cgroup.hasOpenFiles;
      else tree.markGone(cgroup.node);
    }
    tree.scan();
    this.#takeIn(nowMs);
    this.#pastKills.set(nowMs);
    this.#agentRow.set(0, this.#cgroups.size);
    this.#agentRow.set(1, this.#leftOut.size);
  }

  /** What processes are in, and whether they ran: directories, names and CPU time so far. */
  *activity(): Generator<{ directory: string; containerName: string; cpu: number }> {
    for (const { node, containerName, cpu } of this.#cgroups.values()) {
      yield { directory: node.directory, containerName, cpu };
    }
  }

  close(): void {
    for (const cgroup of this.#cgroups.values()) cgroup.close();
    this.#cgroups.clear();
    this.#devices.close();
    this.#mounts.close();
    void this.#naming.names[Symbol.asyncDispose]?.();
  }

  #search(nowMs: number): void {
    if (this.#tree !== null || Math.abs(nowMs - this.#searchedAtMs) < SEARCH_MS) return;
    this.#searchedAtMs = nowMs;
    const hierarchies = findHierarchies(this.#mounts.read());
    if (hierarchies !== null) this.#begin(hierarchies);
  }

  #begin(hierarchies: Hierarchies): void {
    const context = this.#context;
    const processes = new CgroupProcesses(context);
    const spaces = new NetworkSpaces(context);
    this.#parts = {
      context,
      groups: this.#groups,
      hierarchies,
      plan: planFiles(hierarchies),
      processes,
      devices: this.#devices,
      spaces,
      naming: this.#naming,
    };
    this.#tree = new CgroupTree(hostPath(context, hierarchies.primary.mountPoint), {
      found: (node) => this.#found.push(node),
      lost: (node) => this.#drop(node),
    });
  }

  /** Begins to collect what was found, and what was left out as far as there is room now. */
  #takeIn(nowMs: number): void {
    const parts = this.#parts;
    if (parts === null) return;
    const found = this.#found;
    this.#found = [];
    for (const node of [...found, ...this.#leftOut]) {
      if (node.isGone || !node.isWanted || this.#cgroups.has(node)) continue;
      if (this.#cgroups.size >= this.#cgroupsMax) {
        if (!this.#leftOut.has(node)) this.#context.faults.add(this.name, "limit", 1);
        this.#leftOut.add(node);
        continue;
      }
      this.#leftOut.delete(node);
      const cgroup = new Cgroup(node, parts, this.#pastKills.takeOver(node.path));
      this.#cgroups.set(node, cgroup);
      if (cgroup.collect(nowMs)) node.isWatched = cgroup.hasOpenFiles;
      else this.#tree?.markGone(node);
    }
  }

  #drop(node: CgroupNode): void {
    this.#leftOut.delete(node);
    const cgroup = this.#cgroups.get(node);
    if (cgroup !== undefined) this.#pastKills.begin(node.path, cgroup.ended);
    cgroup?.retire();
    this.#cgroups.delete(node);
    node.isWatched = false;
    node.processes = ABSENT;
  }
}
