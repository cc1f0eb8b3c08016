import { existsSync } from "node:fs";
import type { GroupSink } from "../../model/group-sink.ts";
import { SeriesRow, type SeriesSink } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { CHANGED, GONE, type HeldFile } from "../kit/held-file.ts";
import { SeriesGroup } from "../series-group.ts";
import { type CgroupFile, type FilePlan, hasQuota, openFirst, readHeld } from "./cgroup-files.ts";
import { CgroupIo, type DeviceNames } from "./cgroup-io.ts";
import { CgroupName, type NameOptions } from "./cgroup-name.ts";
import { ContainerNetwork, type NetworkSpaces } from "./cgroup-network.ts";
import { type CgroupProcesses, type FirstProcess, PIDS_MAX } from "./cgroup-processes.ts";
import { CgroupRatios, memoryRatio } from "./cgroup-ratios.ts";
import { at, V1_SCALES, V1_SPECS, V2_SCALES, V2_SPECS, VALUES } from "./cgroup-specs.ts";
import type { CgroupNode } from "./cgroup-tree.ts";
import { type Controller, type Hierarchies, pathInHierarchy } from "./hierarchies.ts";
import type { OomKills } from "./oom-kills.ts";
import type { Ended } from "./past-kills.ts";

export type CgroupParts = {
  readonly context: CollectContext;
  readonly groups: GroupSink;
  readonly hierarchies: Hierarchies;
  readonly plan: FilePlan;
  readonly processes: CgroupProcesses;
  readonly devices: DeviceNames;
  readonly spaces: NetworkSpaces;
  readonly naming: NameOptions;
};

/** CPU time from which on it is worth a look what it was used for. */
const USED_CPU_MS = 5;
/** A rate over half a minute has two samples at least. */
const USED_MS = 15_000;
const SETTINGS_MS = 30_000;
/** So often it is asked whether a container is called otherwise now. */
const NAME_MS = 5000;
/** How often it is looked whether files came, and whether processes moved in another hierarchy. */
const RESOLVE_MS = 300_000;
/** A cgroup is there before its first process: so often it is looked for it in the first ticks. */
const RESOLVE_FIRST = 5;
/**
 * A runtime makes a cgroup, puts a process of its own there and sets the limits, one hierarchy after
 * the other, and only then the container's process starts: so long after it was found a cgroup is
 * looked at anew.
 */
const SETTLE_MS = [2000, 10_000];
const COLLECTOR = "cgroup";

type OpenFile = { readonly file: CgroupFile; held: HeldFile | null };

/**
 * The files and the series of one cgroup. What is not read in every tick (cgroup-files.ts) has two
 * groups of its own, so that none of its samples is older than it says.
 */
export class Cgroup {
  readonly node: CgroupNode;
  readonly #parts: CgroupParts;
  readonly #name: CgroupName;
  readonly #network: ContainerNetwork | null;
  readonly #isV1: boolean;
  readonly #ratios: CgroupRatios;
  readonly #values = new Float64Array(VALUES).fill(ABSENT);
  readonly #usedGroup: SeriesGroup;
  readonly #settingGroup: SeriesGroup;
  readonly #usedCpuMin: number;
  /** Null before the labels are known. */
  #row: SeriesRow | null = null;
  #directories = new Map<Controller, string | null>();
  /** In the order of the plan. */
  readonly #files: OpenFile[];
  /** CPU time when the files of `used` were last read. */
  #usedAtCpu = ABSENT;
  #usedAtMs = Number.NEGATIVE_INFINITY;
  #settingsAtMs = Number.NEGATIVE_INFINITY;
  #isUsedRead = false;
  #isSettingRead = false;
  readonly #io: CgroupIo;
  #resolvedAtMs = Number.NEGATIVE_INFINITY;
  #namedAtMs = Number.NEGATIVE_INFINITY;
  #searches = 0;
  #foundAtMs = Number.NaN;
  /** How many of SETTLE_MS have passed. */
  #settled = 0;
  #startedAt = ABSENT;
  readonly #kills: OomKills;

  /** @param kills goes on from cgroups that were here before */
  constructor(node: CgroupNode, parts: CgroupParts, kills: OomKills) {
    this.node = node;
    this.#kills = kills;
    this.#parts = parts;
    this.#name = new CgroupName(node, parts.naming);
    this.#usedGroup = new SeriesGroup(parts.groups);
    this.#settingGroup = new SeriesGroup(parts.groups);
    const context = { ...parts.context, sink: this.#usedGroup };
    const isContainer = node.kind.kind === "container";
    this.#network = isContainer ? new ContainerNetwork(context, parts.spaces) : null;
    this.#isV1 = parts.hierarchies.byController.get("cpuacct")?.version === 1;
    const cpuScale = (this.#isV1 ? V1_SCALES : V2_SCALES).usage;
    this.#usedCpuMin = USED_CPU_MS * 10 ** (cpuScale - 3);
    this.#ratios = new CgroupRatios(cpuScale);
    const isV1Io = parts.hierarchies.byController.get("io")?.version === 1;
    this.#io = new CgroupIo(context, parts.devices, isV1Io);
    this.#files = parts.plan.files.map((file) => ({ file, held: null }));
    this.#label();
  }

  get hasOpenFiles(): boolean {
    return this.#files.some(({ held }) => held !== null);
  }

  /** CPU time used so far, in the unit of the kernel's count; negative: not known. */
  get cpu(): number {
    return this.#values[at.CPU_USAGE] ?? ABSENT;
  }

  get containerName(): string {
    return this.#name.containerName;
  }

  /** To be reported once the cgroup is gone. */
  get ended(): Ended {
    const { labels, containerId } = this.#name;
    return { kills: this.#kills, labels, containerId };
  }

  /** Sets all series. False when the cgroup is gone: then it has set nothing that matters. */
  collect(nowMs: number): boolean {
    this.#lookAgain(nowMs);
    if (this.#isNameDue(nowMs) && this.#name.refresh(nowMs)) this.#label();
    if (this.#kills.hear(this.#name.oomEvents)) this.#usedAtMs = Number.NEGATIVE_INFINITY;
    if (!this.#read(nowMs)) {
      // Gone here; or removed and made again under the same name since the last tick.
      if (!existsSync(this.node.directory)) return false;
      this.#forget();
      this.#resolve(nowMs);
      if (!this.#read(nowMs)) return false;
    }
    if (this.#row !== null) this.#set(this.#row, nowMs);
    return true;
  }

  #lookAgain(nowMs: number): void {
    if (Number.isNaN(this.#foundAtMs)) this.#foundAtMs = nowMs;
    const settleMs = SETTLE_MS[this.#settled] ?? Number.POSITIVE_INFINITY;
    if (isDue(nowMs, this.#foundAtMs, settleMs)) {
      this.#settled += 1;
      this.#resolve(nowMs, true);
      return;
    }
    const isSearching = this.#startedAt === ABSENT && this.#searches < RESOLVE_FIRST;
    if (isSearching || isDue(nowMs, this.#resolvedAtMs, RESOLVE_MS)) this.#resolve(nowMs);
  }

  /** Once it is known it hardly changes. */
  #isNameDue(nowMs: number): boolean {
    if (this.#row !== null && !isDue(nowMs, this.#namedAtMs, NAME_MS)) return false;
    this.#namedAtMs = nowMs;
    return true;
  }

  close(): void {
    for (const entry of this.#files) {
      entry.held?.close();
      entry.held = null;
    }
    this.#io.close();
    this.#network?.close();
  }

  /** Its series do not come back. */
  retire(): void {
    this.close();
    this.#network?.retire();
    this.#row?.retire();
    this.#usedGroup.close();
    this.#settingGroup.close();
    this.#name.forget();
  }

  /** The labels became known, or others. */
  #label(): void {
    const { labels } = this.#name;
    if (labels === null) return;
    this.#row?.retire();
    const specs = this.#isV1 ? V1_SPECS : V2_SPECS;
    const { sink } = this.#parts.context;
    this.#row = new SeriesRow(sink, specs, labels, (index) => this.#sinkOf(index));
    this.#readAllNow();
    this.#network?.relabel(labels);
    this.#io.relabel(labels);
  }

  #sinkOf(index: number): SeriesSink {
    const when = this.#parts.plan.when[index];
    if (when === "used") return this.#usedGroup;
    return when === "setting" ? this.#settingGroup : this.#parts.context.sink;
  }

  #readAllNow(): void {
    this.#usedAtMs = Number.NEGATIVE_INFINITY;
    this.#settingsAtMs = Number.NEGATIVE_INFINITY;
  }

  #forget(): void {
    this.#kills.beginAnew();
    this.close();
    this.#values.fill(ABSENT);
    this.#ratios.forget();
    this.#directories.clear();
    this.#startedAt = ABSENT;
    this.#searches = 0;
    this.#foundAtMs = Number.NaN;
    this.#settled = 0;
    this.#readAllNow();
  }

  /**
   * Finds out where each controller has this cgroup, and opens the files that are not open.
   * @param isAnew also what was found before is doubted, and everything is read
   */
  #resolve(nowMs: number, isAnew = false): void {
    // Cgroups that were found together do not all come due together.
    const spreadMs = Number.isFinite(this.#resolvedAtMs) ? 0 : spreadOf(this.node.path);
    this.#resolvedAtMs = nowMs - spreadMs;
    this.#searches += 1;
    const directories = this.#findDirectories(isAnew);
    const isSame = [...directories].every(([key, path]) => this.#directories.get(key) === path);
    if (!isSame && this.#directories.size > 0) {
      this.close();
      this.#values.fill(ABSENT);
      this.#readAllNow();
    }
    this.#directories = directories;
    let isNew = this.#io.open(this.#directories.get("io") ?? null) || isAnew;
    for (const entry of this.#files) {
      if (entry.held !== null) continue;
      const { controller, names, comparesBytes } = entry.file;
      const directory = directories.get(controller) ?? null;
      entry.held = openFirst(this.#parts.context, directory, names, { comparesBytes });
      isNew ||= entry.held !== null;
    }
    if (isNew) this.#readAllNow();
  }

  #findDirectories(isAnew: boolean): Map<Controller, string | null> {
    const { context, hierarchies } = this.#parts;
    const { path } = this.node;
    const first = path === "/" ? null : this.#findFirst(isAnew);
    const directories = new Map<Controller, string | null>();
    for (const [controller, hierarchy] of hierarchies.byController) {
      const isOwn = hierarchies.isUnified || first === null;
      const own = isOwn ? path : pathInHierarchy(path, hierarchy, first.membership);
      const under = hostPath(context, hierarchy.mountPoint);
      directories.set(controller, own === null ? null : `${under}${own === "/" ? "" : own}`);
    }
    return directories;
  }

  /** The oldest process where it is asked when that began; otherwise any, to say where it is. */
  #findFirst(isAnew: boolean): FirstProcess | null {
    const { hierarchies, processes } = this.#parts;
    const { directory, kind } = this.node;
    const hasStart = kind.kind === "container" || kind.kind === "unit";
    const needsNetwork = this.#network !== null && (isAnew || !this.#network.isOpen);
    const needsStart = hasStart && this.#startedAt === ABSENT;
    if (hierarchies.isUnified && !needsStart && !needsNetwork) return null;
    const first = processes.first(directory, hasStart ? PIDS_MAX : 1);
    if (first !== null && needsStart) this.#startedAt = first.startedAt;
    if (first !== null && needsNetwork) this.#network?.open(first.pid);
    return first;
  }

  /** False when the cgroup is gone. */
  #read(nowMs: number): boolean {
    const { files, usedFrom, settingsFrom } = this.#parts.plan;
    if (!this.#readFiles(0, usedFrom)) return false;
    // Cgroups that were found together do not all come due together.
    const spreadMs = Number.isFinite(this.#usedAtMs) ? 0 : spreadOf(this.node.path);
    const isSettingDue = isDue(nowMs, this.#settingsAtMs, SETTINGS_MS);
    this.#isSettingRead = isSettingDue;
    this.#isUsedRead = isSettingDue || this.#isUsedDue(nowMs);
    if (isSettingDue) {
      this.#settingsAtMs = nowMs - (spreadMs % SETTINGS_MS);
      if (!this.#readFiles(settingsFrom, files.length)) return false;
      this.#values[at.PROCESSES] = this.#parts.processes.count(this.node);
      this.#settingGroup.read(nowMs);
    }
    if (!this.#isUsedRead) return true;
    this.#usedAtMs = nowMs - (spreadMs % USED_MS);
    this.#usedAtCpu = this.cpu;
    if (!this.#readFiles(usedFrom, settingsFrom) || !this.#io.read()) return false;
    this.#readNetwork();
    this.#kills.read(this.#values[at.OWN_OOM_KILLS] ?? ABSENT);
    this.#usedGroup.read(nowMs);
    return true;
  }

  #isUsedDue(nowMs: number): boolean {
    if (isDue(nowMs, this.#usedAtMs, USED_MS)) return true;
    const used = this.cpu - this.#usedAtCpu;
    // Where CPU time is not known it counts as used; it goes back where the cgroup is another.
    return this.cpu === ABSENT || used >= this.#usedCpuMin || used < 0;
  }

  /** False when the cgroup is gone. */
  #readFiles(from: number, end: number): boolean {
    for (let i = from; i < end; i += 1) {
      const entry = this.#files[i];
      const held = entry?.held ?? null;
      if (entry === undefined || held === null) continue;
      if (!this.#isSettingRead && entry.file.isOfUse?.(this.#values) === false) continue;
      const outcome = readHeld(entry, this.#parts.context);
      if (outcome === GONE) return false;
      if (outcome === CHANGED) this.#parse(entry.file, held);
    }
    return true;
  }

  #readNetwork(): void {
    const network = this.#network;
    if (network === null || !network.isOpen || !(this.#isSettingRead || network.hasDevices)) return;
    network.read();
    // Its process ended: there may be another one.
    if (!network.isOpen) this.#resolvedAtMs = Number.NEGATIVE_INFINITY;
  }

  #parse(file: CgroupFile, held: HeldFile): void {
    const scan = held.scan();
    file.parse(scan, this.#values);
    this.#parts.context.faults.add(COLLECTOR, "malformed", scan.malformed);
  }

  #set(row: SeriesRow, nowMs: number): void {
    const values = this.#values;
    const isUsedRead = this.#isUsedRead;
    values[at.LAST_SEEN] = Math.floor(nowMs / 1000);
    values[at.START_TIME] = this.#startedAt;
    this.#ratios.updateCpu(values, nowMs);
    if (isUsedRead || !this.#isV1) this.#ratios.updateThrottled(values);
    if (!hasQuota(values)) values.fill(ABSENT, at.CFS_PERIODS, at.CFS_BURST + 1);
    if (!isUsedRead) {
      for (const index of this.#parts.plan.always) row.hold(index, values[index] ?? ABSENT);
      return;
    }
    const usage = values[at.MEMORY_USAGE] ?? ABSENT;
    const inactive = Math.max(0, values[at.MEMORY_INACTIVE_FILE] ?? 0);
    values[at.MEMORY_WORKING_SET] = usage < 0 ? ABSENT : Math.max(0, usage - inactive);
    if (!this.#isV1) {
      // v2 counts a cgroup with those below it only.
      values[at.OWN_FAULTS] = values[at.FAULTS] ?? ABSENT;
      values[at.OWN_MAJOR_FAULTS] = values[at.MAJOR_FAULTS] ?? ABSENT;
    }
    values[at.MEMORY_LIMIT_RATIO] = memoryRatio(values);
    values[at.OOM_KILLS] = this.#kills.count;
    row.holdAll(values);
    this.#io.set();
    this.#network?.set();
  }
}

/** Up to a minute; other for each path. */
function spreadOf(path: string): number {
  let sum = 0;
  for (let i = 0; i < path.length; i += 1) sum = (sum * 31 + path.charCodeAt(i)) % 60;
  return sum * 1000;
}

/** A clock that was set back makes everything due. */
function isDue(nowMs: number, lastMs: number, periodMs: number): boolean {
  return Math.abs(nowMs - lastMs) >= periodMs;
}
