import { existsSync } from "node:fs";
import { SeriesRow } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { CHANGED, GONE, type HeldFile } from "../kit/held-file.ts";
import {
  type CgroupFile,
  openFirst,
  PRESSURE_FILES,
  readHeld,
  V1_FILES,
  V2_FILES,
} from "./cgroup-files.ts";
import { CgroupIo, type DeviceNames } from "./cgroup-io.ts";
import { CgroupName, type NameOptions } from "./cgroup-name.ts";
import { ContainerNetwork, type NetworkSpaces } from "./cgroup-network.ts";
import { type CgroupProcesses, type FirstProcess, PIDS_MAX } from "./cgroup-processes.ts";
import { CgroupRatios } from "./cgroup-ratios.ts";
import { at, V1_SCALES, V1_SPECS, V2_SCALES, V2_SPECS, VALUES } from "./cgroup-specs.ts";
import type { CgroupNode } from "./cgroup-tree.ts";
import { type Controller, type Hierarchies, pathInHierarchy } from "./hierarchies.ts";
import type { OomKills } from "./oom-kills.ts";
import type { Ended } from "./past-kills.ts";

export type CgroupParts = {
  readonly context: CollectContext;
  readonly hierarchies: Hierarchies;
  readonly processes: CgroupProcesses;
  readonly devices: DeviceNames;
  readonly spaces: NetworkSpaces;
  readonly naming: NameOptions;
};

/** Everything is read this often, also what nothing hints at having changed. */
const READ_ALL_MS = 30_000;
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

/** The files and the series of one cgroup. */
export class Cgroup {
  readonly node: CgroupNode;
  readonly #parts: CgroupParts;
  readonly #name: CgroupName;
  readonly #network: ContainerNetwork | null;
  readonly #isV1: boolean;
  readonly #ratios: CgroupRatios;
  readonly #values = new Float64Array(VALUES).fill(ABSENT);
  /** Null before the labels are known. */
  #row: SeriesRow | null = null;
  #directories = new Map<Controller, string | null>();
  /** Those that are read in every tick first, the others from `#restFrom` on. */
  #files: OpenFile[] = [];
  #restFrom = 0;
  /** CPU time when the others were last read. */
  #readAtCpu = ABSENT;
  /** There may be values that the series do not have yet. */
  #hasNews = true;
  readonly #io: CgroupIo;
  #readAllAtMs = Number.NEGATIVE_INFINITY;
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
    const isContainer = node.kind.kind === "container";
    this.#network = isContainer ? new ContainerNetwork(parts.context, parts.spaces) : null;
    this.#isV1 = parts.hierarchies.byController.get("cpuacct")?.version === 1;
    this.#ratios = new CgroupRatios((this.#isV1 ? V1_SCALES : V2_SCALES).usage);
    const isV1Io = parts.hierarchies.byController.get("io")?.version === 1;
    this.#io = new CgroupIo(parts.context, parts.devices, isV1Io);
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
    if (this.#kills.hear(this.#name.oomEvents)) this.#readAllAtMs = Number.NEGATIVE_INFINITY;
    if (!this.#read(nowMs)) {
      // Gone here; or removed and made again under the same name since the last tick.
      if (!existsSync(this.node.directory)) return false;
      this.#forget();
      this.#resolve(nowMs);
      if (!this.#read(nowMs)) return false;
    }
    this.#kills.read(this.#values[at.OWN_OOM_KILLS] ?? ABSENT);
    if (this.#isNameDue(nowMs) && this.#name.refresh(nowMs)) this.#label();
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
    for (const { held } of this.#files) held?.close();
    this.#io.close();
    this.#network?.close();
    this.#files = [];
  }

  /** Its series do not come back. */
  retire(): void {
    this.close();
    this.#network?.retire();
    this.#row?.retire();
    this.#name.forget();
  }

  /** The labels became known, or others. */
  #label(): void {
    const { labels } = this.#name;
    if (labels === null) return;
    this.#row?.retire();
    const specs = this.#isV1 ? V1_SPECS : V2_SPECS;
    this.#row = new SeriesRow(this.#parts.context.sink, specs, labels);
    this.#hasNews = true;
    this.#network?.relabel(labels);
    this.#io.relabel(labels);
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
    this.#readAllAtMs = Number.NEGATIVE_INFINITY;
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
    this.#hasNews = true;
    const directories = this.#findDirectories(isAnew);
    const isSame = [...directories].every(([key, path]) => this.#directories.get(key) === path);
    if (!isSame && this.#directories.size > 0) {
      this.close();
      this.#values.fill(ABSENT);
    }
    this.#directories = directories;
    if (this.#files.length === 0) this.#listFiles();
    let isNew = this.#io.open(this.#directories.get("io") ?? null) || isAnew;
    for (const entry of this.#files) {
      if (entry.held !== null) continue;
      const { controller, names, comparesBytes } = entry.file;
      const directory = directories.get(controller) ?? null;
      entry.held = openFirst(this.#parts.context, directory, names, { comparesBytes });
      isNew ||= entry.held !== null;
    }
    if (isNew) this.#readAllAtMs = Number.NEGATIVE_INFINITY;
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

  #listFiles(): void {
    const { byController } = this.#parts.hierarchies;
    const isOf = (version: number) => (file: { controller: Controller }) =>
      byController.get(file.controller)?.version === version;
    const files = [
      ...V1_FILES.filter(isOf(1)),
      ...V2_FILES.filter(isOf(2)),
      ...PRESSURE_FILES.filter(isOf(2)),
    ];
    const isFirst = ({ when }: CgroupFile) => when === "always";
    const ordered = [...files.filter(isFirst), ...files.filter((file) => !isFirst(file))];
    this.#restFrom = files.filter(isFirst).length;
    this.#files = ordered.map((file) => ({ file, held: null }));
  }

  /** False when the cgroup is gone. */
  #read(nowMs: number): boolean {
    const isAllDue = isDue(nowMs, this.#readAllAtMs, READ_ALL_MS);
    if (isAllDue) this.#readAllAtMs = nowMs;
    for (let i = 0; i < this.#restFrom; i += 1) if (!this.#readFile(i)) return false;
    const { cpu } = this;
    // Where CPU time is not known it counts as used.
    const isUsed = cpu === ABSENT || cpu !== this.#readAtCpu;
    this.#readAtCpu = cpu;
    const hasQuota = (this.#values[at.CPU_QUOTA] ?? ABSENT) >= 0;
    const isAnyDue = isAllDue || isUsed || hasQuota;
    if (isAnyDue && !this.#readRest(isAllDue, isUsed)) return false;
    if (isAllDue) this.#values[at.PROCESSES] = this.#parts.processes.count(this.node);
    this.#readNetwork(isAllDue);
    return this.#io.read(isAllDue, isUsed);
  }

  /** Under a quota at least, if nothing else makes them due. False when the cgroup is gone. */
  #readRest(isAllDue: boolean, isUsed: boolean): boolean {
    this.#hasNews = true;
    for (let i = this.#restFrom; i < this.#files.length; i += 1) {
      const when = this.#files[i]?.file.when;
      const isFileDue = isAllDue || when === "quota" || (when === "used" && isUsed);
      if (isFileDue && !this.#readFile(i)) return false;
    }
    return true;
  }

  #readNetwork(isAllDue: boolean): void {
    const network = this.#network;
    if (network === null || !network.isOpen || !(isAllDue || network.hasDevices)) return;
    network.read();
    // Its process ended: there may be another one.
    if (!network.isOpen) this.#resolvedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** False when the cgroup is gone. */
  #readFile(index: number): boolean {
    const entry = this.#files[index];
    const held = entry?.held ?? null;
    if (entry === undefined || held === null) return true;
    const outcome = readHeld(entry, this.#parts.context);
    if (outcome === CHANGED) {
      const scan = held.scan();
      entry.file.parse(scan, this.#values);
      this.#parts.context.faults.add(COLLECTOR, "malformed", scan.malformed);
      this.#hasNews ||= entry.file.comparesBytes;
    }
    return outcome !== GONE;
  }

  #set(row: SeriesRow, nowMs: number): void {
    if (this.#hasNews) this.#setValues(row, nowMs);
    row.hold(at.LAST_SEEN, Math.floor(nowMs / 1000));
    this.#io.set();
    this.#network?.set();
  }

  #setValues(row: SeriesRow, nowMs: number): void {
    this.#hasNews = false;
    const values = this.#values;
    const usage = values[at.MEMORY_USAGE] ?? ABSENT;
    const inactive = Math.max(0, values[at.MEMORY_INACTIVE_FILE] ?? 0);
    values[at.MEMORY_WORKING_SET] = usage < 0 ? ABSENT : Math.max(0, usage - inactive);
    values[at.LAST_SEEN] = Math.floor(nowMs / 1000);
    values[at.START_TIME] = this.#startedAt;
    if (!this.#isV1) {
      // v2 counts a cgroup with those below it only.
      values[at.OWN_FAULTS] = values[at.FAULTS] ?? ABSENT;
      values[at.OWN_MAJOR_FAULTS] = values[at.MAJOR_FAULTS] ?? ABSENT;
    }
    values[at.OOM_KILLS] = this.#kills.count;
    this.#ratios.update(values, nowMs);
    const hasQuota = (values[at.CPU_QUOTA] ?? ABSENT) >= 0 || (values[at.CFS_PERIODS] ?? 0) > 0;
    if (!hasQuota) values.fill(ABSENT, at.CFS_PERIODS, at.CFS_BURST + 1);
    row.holdAll(values);
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
