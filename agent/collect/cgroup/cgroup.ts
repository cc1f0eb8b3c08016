import { existsSync } from "node:fs";
import { JOB_CONTAINERS, SeriesRow } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { CHANGED, GONE, HeldFile, MISSING } from "../held-file.ts";
import { ABSENT } from "../parse/byte-scanner.ts";
import { RowTable } from "../parse/row-table.ts";
import {
  type CgroupFile,
  type CgroupIoFile,
  PRESSURE_FILES,
  type ReadWhen,
  V1_FILES,
  V1_IO_FILES,
  V2_FILES,
  V2_IO_FILES,
} from "./cgroup-files.ts";
import { cgroupLabels } from "./cgroup-kind.ts";
import * as at from "./cgroup-specs.ts";
import type { CgroupNode } from "./cgroup-tree.ts";
import type { DeviceNames } from "./device-names.ts";
import type { ProcessFinder } from "./first-process.ts";
import { type Controller, type Hierarchies, pathInHierarchy } from "./hierarchies.ts";

export type CgroupParts = {
  readonly context: CollectContext;
  readonly hierarchies: Hierarchies;
  readonly processes: ProcessFinder;
  readonly devices: DeviceNames;
};

/** Everything is read this often, also what nothing hints at having changed. */
const READ_ALL_MS = 10_000;
/** How often it is looked whether files came, and whether processes moved in another hierarchy. */
const RESOLVE_MS = 60_000;
/** A cgroup is there before its first process: so often it is looked for it in the first ticks. */
const RESOLVE_FIRST = 5;

const COLLECTOR = "cgroup";

type OpenFile = { readonly file: CgroupFile; held: HeldFile | null };
type OpenIoFile = {
  readonly file: CgroupIoFile;
  readonly table: RowTable<SeriesRow>;
  held: HeldFile | null;
};

/** The files and the series of one cgroup. */
export class Cgroup {
  readonly node: CgroupNode;
  readonly #parts: CgroupParts;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #row: SeriesRow;
  readonly #values = new Float64Array(at.VALUES).fill(ABSENT);
  #directories = new Map<Controller, string | null>();
  #files: OpenFile[] = [];
  #ioFiles: OpenIoFile[] = [];
  #readAllAtMs = Number.NEGATIVE_INFINITY;
  #resolvedAtMs = Number.NEGATIVE_INFINITY;
  #searches = 0;
  #startedAt = ABSENT;

  constructor(node: CgroupNode, parts: CgroupParts) {
    this.node = node;
    this.#parts = parts;
    this.#labels = { job: JOB_CONTAINERS, ...cgroupLabels(node.path, node.kind) };
    const isV1 = parts.hierarchies.byController.get("cpuacct")?.version === 1;
    const specs = isV1 ? V1_SPECS : V2_SPECS;
    this.#row = new SeriesRow(parts.context.sink, specs, this.#labels);
  }

  get hasOpenFiles(): boolean {
    return this.#files.some(({ held }) => held !== null);
  }

  /** Sets all series. False when the cgroup is gone: then it has set nothing that matters. */
  collect(nowMs: number): boolean {
    const isSearching = this.#startedAt === ABSENT && this.#searches < RESOLVE_FIRST;
    if (isSearching || isDue(nowMs, this.#resolvedAtMs, RESOLVE_MS)) this.#resolve(nowMs);
    if (!this.#read(nowMs)) {
      // Gone here; or removed and made again under the same name since the last tick.
      if (!existsSync(this.node.directory)) return false;
      this.#forget();
      this.#resolve(nowMs);
      if (!this.#read(nowMs)) return false;
    }
    this.#set(nowMs);
    return true;
  }

  close(): void {
    for (const { held } of this.#files) held?.close();
    for (const { held, table } of this.#ioFiles) {
      held?.close();
      for (const row of table.rows) row.attachment?.retire();
    }
    this.#files = [];
    this.#ioFiles = [];
  }

  /** Its series do not come back. */
  retire(): void {
    this.close();
    this.#row.retire();
  }

  #forget(): void {
    this.close();
    this.#values.fill(ABSENT);
    this.#directories.clear();
    this.#startedAt = ABSENT;
    this.#searches = 0;
    this.#readAllAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Finds out where each controller has this cgroup, and opens the files that are not open. */
  #resolve(nowMs: number): void {
    // Cgroups that were found together do not all come due together.
    const spreadMs = Number.isFinite(this.#resolvedAtMs) ? 0 : (this.node.path.length % 10) * 1000;
    this.#resolvedAtMs = nowMs - spreadMs;
    this.#searches += 1;
    const directories = this.#findDirectories();
    const isSame = [...directories].every(([key, path]) => this.#directories.get(key) === path);
    if (!isSame && this.#directories.size > 0) {
      this.close();
      this.#values.fill(ABSENT);
    }
    this.#directories = directories;
    if (this.#files.length === 0) this.#listFiles();
    let isNew = false;
    for (const entry of [...this.#files, ...this.#ioFiles]) {
      if (entry.held !== null) continue;
      entry.held = this.#open(entry.file);
      isNew ||= entry.held !== null;
    }
    if (isNew) this.#readAllAtMs = Number.NEGATIVE_INFINITY;
  }

  #findDirectories(): Map<Controller, string | null> {
    const { context, hierarchies, processes } = this.#parts;
    const { path, directory, kind } = this.node;
    const isSearched = kind.kind === "container" || kind.kind === "unit" || !hierarchies.isUnified;
    const isNeeded = !hierarchies.isUnified || this.#startedAt === ABSENT;
    const first = isSearched && isNeeded && path !== "/" ? processes.find(directory) : null;
    const hasStart = kind.kind === "container" || kind.kind === "unit";
    if (first !== null && this.#startedAt === ABSENT && hasStart) {
      this.#startedAt = first.startedAt;
    }
    const directories = new Map<Controller, string | null>();
    for (const [controller, hierarchy] of hierarchies.byController) {
      const isOwn = hierarchies.isUnified || first === null;
      const own = isOwn ? path : pathInHierarchy(path, hierarchy, first.membership);
      const under = hostPath(context, hierarchy.mountPoint);
      directories.set(controller, own === null ? null : `${under}${own === "/" ? "" : own}`);
    }
    return directories;
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
    this.#files = files.map((file) => ({ file, held: null }));
    const ioFiles = [...V1_IO_FILES.filter(isOf(1)), ...V2_IO_FILES.filter(isOf(2))];
    this.#ioFiles = ioFiles.map((file) => {
      return { file, table: new RowTable<SeriesRow>(file.columns), held: null };
    });
  }

  #open(file: CgroupFile | CgroupIoFile): HeldFile | null {
    const directory = this.#directories.get(file.controller);
    if (directory === undefined || directory === null) return null;
    const { buffer, faults } = this.#parts.context;
    const comparesBytes = "comparesBytes" in file ? file.comparesBytes : true;
    for (const name of file.names) {
      const held = new HeldFile(`${directory}/${name}`, buffer, { comparesBytes });
      try {
        if (held.open()) return held;
      } catch {
        // Out of descriptors, or not permitted: tried again with the next resolve.
        faults.add(COLLECTOR, "unreadable", 1);
      }
    }
    return null;
  }

  /** False when the cgroup is gone. */
  #read(nowMs: number): boolean {
    const isAllDue = isDue(nowMs, this.#readAllAtMs, READ_ALL_MS);
    if (isAllDue) this.#readAllAtMs = nowMs;
    const lastCpu = this.#values[at.CPU_USAGE];
    const lastMemory = this.#values[at.MEMORY_USAGE];
    const files = this.#files;
    for (let i = 0; i < files.length; i += 1) {
      const entry = files[i];
      if (entry === undefined || entry.held === null) continue;
      if (!isAllDue && !this.#isDueNow(entry.file.when, lastCpu, lastMemory)) continue;
      const outcome = this.#readFile(entry);
      if (outcome === GONE) return false;
      if (outcome === CHANGED) this.#parse(entry);
    }
    return this.#readIo(isAllDue);
  }

  #isDueNow(when: ReadWhen, lastCpu: number | undefined, lastMemory: number | undefined): boolean {
    const values = this.#values;
    switch (when) {
      case "always":
        return true;
      case "setting":
        return false;
      case "quota":
        return (values[at.CPU_QUOTA] ?? ABSENT) >= 0;
      case "ran": {
        const cpu = values[at.CPU_USAGE];
        return cpu !== lastCpu || cpu === ABSENT || values[at.MEMORY_USAGE] !== lastMemory;
      }
    }
  }

  #readIo(isAllDue: boolean): boolean {
    let isChanged = true;
    for (const entry of this.#ioFiles) {
      if (!isChanged && !isAllDue) break;
      const outcome = this.#readFile(entry);
      if (outcome === GONE) return false;
      isChanged = outcome === CHANGED;
      if (isChanged) this.#parseIo(entry);
    }
    return true;
  }

  #readFile(entry: OpenFile | OpenIoFile): number {
    if (entry.held === null) return MISSING;
    let outcome = MISSING;
    try {
      outcome = entry.held.read();
    } catch {
      this.#parts.context.faults.add(COLLECTOR, "unreadable", 1);
    }
    if (outcome === MISSING) entry.held = null;
    return outcome;
  }

  #parse({ file, held }: OpenFile): void {
    const { buffer, faults } = this.#parts.context;
    const malformed = file.parse(buffer.bytes, held?.length ?? 0, this.#values);
    faults.add(COLLECTOR, "malformed", malformed);
  }

  #parseIo({ file, held, table }: OpenIoFile): void {
    const { context, devices } = this.#parts;
    const length = held?.length ?? 0;
    const malformed = file.parse(context.buffer.bytes, length, table);
    for (const gone of table.finish()) gone.attachment?.retire();
    context.faults.add(COLLECTOR, "malformed", malformed);
    context.faults.add(COLLECTOR, "overflow", table.overflow);
    for (const row of table.rows) {
      if (row.attachment !== null) continue;
      const labels = { ...this.#labels, device: devices.nameOf(row.key) };
      row.attachment = new SeriesRow(context.sink, file.specs, labels);
    }
  }

  #set(nowMs: number): void {
    const values = this.#values;
    const usage = values[at.MEMORY_USAGE] ?? ABSENT;
    const inactive = Math.max(0, values[at.MEMORY_INACTIVE_FILE] ?? 0);
    values[at.MEMORY_WORKING_SET] = usage < 0 ? ABSENT : Math.max(0, usage - inactive);
    values[at.LAST_SEEN] = Math.floor(nowMs / 1000);
    values[at.START_TIME] = this.#startedAt;
    const hasQuota = (values[at.CPU_QUOTA] ?? ABSENT) >= 0 || (values[at.CFS_PERIODS] ?? 0) > 0;
    for (let index = 0; index < SERIES; index += 1) {
      const isCfs = index >= at.CFS_PERIODS && index <= at.CFS_THROTTLED;
      if (!isCfs || hasQuota) this.#row.set(index, values[index] ?? ABSENT);
    }
    for (const { table } of this.#ioFiles) {
      for (const row of table.rows) row.attachment?.setAll(row.values);
    }
  }
}

const V1_SPECS = at.cgroupSpecs({
  usage: at.V1_USAGE_SCALE,
  modes: at.V1_MODES_SCALE,
  throttled: at.V1_THROTTLED_SCALE,
});
const V2_SPECS = at.cgroupSpecs({
  usage: at.V2_CPU_SCALE,
  modes: at.V2_CPU_SCALE,
  throttled: at.V2_CPU_SCALE,
});
const SERIES = V2_SPECS.length;

/** A clock that was set back makes everything due. */
function isDue(nowMs: number, lastMs: number, periodMs: number): boolean {
  return Math.abs(nowMs - lastMs) >= periodMs;
}
