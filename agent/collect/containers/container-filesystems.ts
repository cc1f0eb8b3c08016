import {
  type ContainerFacts,
  FULL_ID,
  SERIES_LABELS_DEFAULT,
  seriesLabels,
} from "../../containers/container-facts.ts";
import { type Collector, familiesOf, gauge, JOB_CONTAINERS, SeriesRow } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { BackgroundWork, readingTimeMs, TIMEOUT_MS } from "../kit/background-work.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { ChangingRow } from "../kit/changing-row.ts";
import {
  type AskSpace,
  FILES,
  FILES_FREE,
  FREE_BYTES,
  SIZE_BYTES,
  type Space,
} from "../kit/statfs.ts";
import type { ContainerDirectory } from "./container-directory.ts";
import { ENDED } from "./container-entry.ts";
import { type FileSystem, FileSystems } from "./file-systems.ts";
import { nodeLayerDisk } from "./layer-disk.ts";
import { type LayerPlace, LayerPlaces, mountedPlace } from "./layer-places.ts";
import { type LayerDisk, LayerWalk } from "./layer-walk.ts";

const SPECS = [
  gauge("container_fs_usage_bytes", "Bytes used: by what a container has written; on /, of all."),
  gauge("container_fs_limit_bytes", "Size of the file system."),
  gauge("container_fs_inodes_free", "Inodes of the file system that are free."),
  gauge("container_fs_inodes_total", "Inodes of the file system."),
];

const STATFS_MS = 30_000;
/** From one walk through a container's layer to the next. */
const WALK_MS = 300_000;
/** The same where the layer was too large: it will be again. */
const WALK_TOO_LARGE_MS = 3_600_000;
/**
 * All the walks together put at most so many questions to the disk in a second. One takes 50 to
 * 130 µs of CPU, most of it to wake the pool's thread, so they stay below 0.2 % of a core. The
 * larger the layers, the longer it takes until it is the same one's turn again.
 */
const QUESTIONS_PER_SECOND = 2;
/** What may be saved up while ticks are far apart, in seconds of it. */
const QUESTIONS_SECONDS = 10;
/** What finding a layer costs, roughly. */
const PLACE_QUESTIONS = 10;

const NAME = "containerfs";

type ContainerSource = Pick<ContainerDirectory, "changes" | "containers">;

export type FilesystemPorts = {
  /** Container labels that become labels of the series; by default those of `seriesLabels`. */
  readonly chosenLabels?: readonly string[];
  readonly statfs?: AskSpace;
  readonly disk?: LayerDisk;
  readonly places?: Pick<LayerPlaces, "find">;
  readonly questionsPerSecond?: number;
};

/**
 * Space on the host's file systems, and what of it running containers have written.
 *
 * The disk is asked in the background, a little at a time, in the queue of all that may hang. All
 * series have the time at which one of them was read or changed; the others' values are then up to
 * half a minute old and what a container has written is as of its last walk, since a query would not
 * find a value that is older than 5 min.
 */
export class ContainerFilesystems implements Collector {
  readonly name = NAME;
  readonly families = familiesOf(SPECS);
  readonly #directory: ContainerSource;
  readonly #context: CollectContext;
  readonly #disk: LayerDisk;
  readonly #places: Pick<LayerPlaces, "find">;
  readonly #chosenLabels: readonly string[];
  readonly #fileSystems: FileSystems;
  readonly #roots = new Map<FileSystem, SeriesRow>();
  readonly #containers = new Map<string, Layer>();
  readonly #work: BackgroundWork;
  #walk: { readonly layer: Layer; readonly walk: LayerWalk } | null = null;
  #changes = -1;
  #nowMs = 0;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #isStatfsDue = false;
  /** Questions that may be put now. */
  #allowance: number;
  readonly #questionsPerSecond: number;
  /** When something was read last, until a tick has taken it. */
  #learnedAtMs: number | null = null;
  #readAtMs: number | null = null;

  constructor(directory: ContainerSource, context: CollectContext, ports: FilesystemPorts = {}) {
    this.#directory = directory;
    this.#context = context;
    this.#disk = ports.disk ?? nodeLayerDisk;
    this.#places = ports.places ?? new LayerPlaces(context.hostRoot);
    this.#chosenLabels = ports.chosenLabels ?? SERIES_LABELS_DEFAULT;
    this.#fileSystems = new FileSystems(context, ports.statfs);
    this.#questionsPerSecond = ports.questionsPerSecond ?? QUESTIONS_PER_SECOND;
    this.#allowance = this.#questionsPerSecond * QUESTIONS_SECONDS;
    this.#work = new BackgroundWork({
      queue: context.background,
      timeoutMs: TIMEOUT_MS,
      work: (_, signal) => this.#read(signal),
      end: () => this.#giveUp(),
    });
  }

  get readAtMs(): number | null {
    return this.#readAtMs;
  }

  /** @throws OperationalError LIMIT when a reading takes too long, UNAVAILABLE when one failed */
  collect(nowMs: number): void {
    this.#earn(nowMs - this.#nowMs);
    this.#nowMs = nowMs;
    if (this.#directory.changes !== this.#changes) this.#update(nowMs);
    if (Math.abs(nowMs - this.#refreshedAtMs) >= STATFS_MS) this.#refresh(nowMs);
    this.#readAtMs = this.#learnedAtMs;
    this.#learnedAtMs = null;
    this.#work.goOn(nowMs, () => this.#isStatfsDue || this.#isWalkDue());
    if (this.#readAtMs === null) return;
    for (const [{ space }, row] of this.#roots) setRow(row, space, usedOf(space));
    for (const layer of this.#containers.values()) layer.set();
  }

  close(): void {
    this.#fileSystems.close();
    this.#work.close();
  }

  #earn(elapsedMs: number): void {
    const rate = this.#questionsPerSecond;
    const allowance = this.#allowance + (Math.max(0, elapsedMs) / 1000) * rate;
    this.#allowance = Math.min(rate * QUESTIONS_SECONDS, allowance);
  }

  #update(nowMs: number): void {
    this.#changes = this.#directory.changes;
    this.#learnedAtMs = nowMs;
    const gone = new Set(this.#containers.keys());
    for (const { facts, cgroupPath } of this.#directory.containers()) {
      let layer = this.#containers.get(facts.id);
      gone.delete(facts.id);
      if (!isRunning(facts, cgroupPath)) {
        layer?.pause();
        continue;
      }
      if (layer === undefined) {
        layer = new Layer(facts.id, this.#context);
        this.#containers.set(facts.id, layer);
      }
      layer.name(facts, cgroupPath, this.#chosenLabels);
    }
    for (const id of gone) {
      this.#containers.get(id)?.pause();
      this.#containers.delete(id);
    }
  }

  #refresh(nowMs: number): void {
    const tooMany = this.#fileSystems.refresh();
    this.#context.faults.add(NAME, "limit", tooMany);
    this.#refreshedAtMs = nowMs;
    this.#isStatfsDue = true;
    const { roots } = this.#fileSystems;
    for (const [known, row] of this.#roots) {
      if (roots.includes(known)) continue;
      row.retire();
      this.#roots.delete(known);
    }
    for (const root of roots) {
      if (this.#roots.has(root)) continue;
      const labels = { job: JOB_CONTAINERS, id: "/", device: root.device };
      this.#roots.set(root, new SeriesRow(this.#context.sink, SPECS, labels));
    }
    for (const layer of this.#containers.values()) layer.find(this.#fileSystems);
  }

  #isWalkDue(): boolean {
    return this.#allowance >= 1 && (this.#walk !== null || this.#nextLayer() !== null);
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      if (this.#isStatfsDue) {
        this.#isStatfsDue = false;
        this.#allowance -= await this.#fileSystems.askAll(signal);
        this.#learnedAtMs = readingTimeMs(this.#context.clock);
      }
      while (this.#allowance >= 1 && !signal.aborted && (await this.#beginWalk())) {
        await this.#goOnWalking();
      }
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  /** False when no layer is due. */
  async #beginWalk(): Promise<boolean> {
    if (this.#walk !== null) return true;
    const layer = this.#nextLayer();
    if (layer === null) return false;
    layer.walkAfterMs = WALK_MS;
    layer.walkedAtMs = this.#nowMs;
    if (layer.place === null || layer.place.layer === null) {
      const { mounts } = this.#fileSystems;
      if (layer.isNamed) {
        this.#allowance -= PLACE_QUESTIONS;
        layer.place = await this.#places.find(layer.id, layer.runtime, mounts, this.#nowMs);
      } else {
        // No runtime's file told of it: there is none that would tell where its layer is.
        layer.place = mountedPlace(layer.id, mounts);
      }
      layer.find(this.#fileSystems);
      // Nothing was asked of a file system that was not known before.
      if (layer.isUnasked) this.#isStatfsDue = true;
    }
    const path = layer.place?.layer;
    if (typeof path !== "string") return true;
    const root = this.#context.hostRoot.replace(/\/+$/, "");
    const bytes = Buffer.from(`${root}${path}`).toString("latin1");
    this.#walk = { layer, walk: new LayerWalk(this.#disk, bytes) };
    return true;
  }

  async #goOnWalking(): Promise<void> {
    if (this.#walk === null) return;
    const { layer, walk } = this.#walk;
    if (this.#containers.get(layer.id) !== layer) {
      await this.#giveUp();
      return;
    }
    this.#allowance -= await walk.advance(this.#allowance);
    if (walk.state === "going") return;
    this.#walk = null;
    this.#learnedAtMs = readingTimeMs(this.#context.clock);
    layer.usedBytes = walk.state === "done" ? walk.bytes : ABSENT;
    if (walk.state === "too large") layer.walkAfterMs = WALK_TOO_LARGE_MS;
    if (walk.state === "gone") layer.place = null;
    this.#context.faults.add(NAME, "limit", walk.state === "too large" ? 1 : 0);
    this.#context.faults.add(NAME, "unreadable", walk.state === "denied" ? 1 : 0);
  }

  /** Of those that are due the one that has waited longest. */
  #nextLayer(): Layer | null {
    let next: Layer | null = null;
    for (const layer of this.#containers.values()) {
      if (!layer.isRunning) continue;
      const sinceMs = Math.abs(this.#nowMs - layer.walkedAtMs);
      if (sinceMs < layer.walkAfterMs) continue;
      if (next === null || layer.walkedAtMs < next.walkedAtMs) next = layer;
    }
    return next;
  }

  async #giveUp(): Promise<void> {
    const walk = this.#walk?.walk;
    this.#walk = null;
    await walk?.close();
  }
}

/**
 * One container, and its series while it runs. What is known of its layer stays while it does not:
 * one that is restarted over and over must not take the others' turns.
 */
class Layer {
  readonly id: string;
  runtime = "";
  place: LayerPlace | null = null;
  usedBytes = ABSENT;
  walkedAtMs = Number.NEGATIVE_INFINITY;
  walkAfterMs = WALK_MS;
  isRunning = false;
  /** By its runtime, or by a file of it. */
  isNamed = false;
  #facts: ContainerFacts | null = null;
  #labels: Readonly<Record<string, string>> = {};
  #fileSystem: FileSystem | null = null;
  readonly #row: ChangingRow;

  constructor(id: string, { sink }: CollectContext) {
    this.id = id;
    this.#row = new ChangingRow(sink, SPECS);
  }

  get isUnasked(): boolean {
    return this.#fileSystem !== null && this.#fileSystem.space === null;
  }

  name(facts: ContainerFacts, cgroupPath: string, chosen: readonly string[]): void {
    if (this.isRunning && facts === this.#facts && cgroupPath === this.#labels["id"]) return;
    this.isRunning = true;
    this.#facts = facts;
    this.runtime = facts.runtime;
    this.isNamed = facts.source !== "cgroup";
    this.#labels = { ...seriesLabels(facts, chosen), job: JOB_CONTAINERS, id: cgroupPath };
    this.#define();
  }

  /** Finds the file system that its runtime's storage is on now. */
  find(fileSystems: FileSystems): void {
    this.#fileSystem = this.place === null ? null : fileSystems.holding(this.place.storage);
    this.#define();
  }

  set(): void {
    const { row } = this.#row;
    if (row !== null && this.#fileSystem !== null) {
      setRow(row, this.#fileSystem.space, this.usedBytes);
    }
  }

  pause(): void {
    this.isRunning = false;
    this.#row.label(null);
  }

  #define(): void {
    const device = this.#fileSystem?.device;
    if (this.isRunning) this.#row.label(device === undefined ? null : { ...this.#labels, device });
  }
}

function usedOf(space: Space | null): number {
  const size = space?.[SIZE_BYTES] ?? ABSENT;
  const free = space?.[FREE_BYTES] ?? ABSENT;
  return size >= 0 && free >= 0 ? size - free : ABSENT;
}

/** In the order of SPECS. */
function setRow(row: SeriesRow, space: Space | null, usedBytes: number): void {
  row.set(0, usedBytes);
  row.set(1, space?.[SIZE_BYTES] ?? ABSENT);
  row.set(2, space?.[FILES_FREE] ?? ABSENT);
  row.set(3, space?.[FILES] ?? ABSENT);
}

function isRunning({ id, state }: ContainerFacts, cgroupPath: string): boolean {
  return cgroupPath !== "" && FULL_ID.test(id) && !(state !== null && ENDED.has(state));
}
