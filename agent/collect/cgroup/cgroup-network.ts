import { statSync } from "node:fs";
import { SeriesRow } from "../collector.ts";
import { type CollectContext, hostFile, hostPath } from "../context.ts";
import { CHANGED, type HeldFile, SAME } from "../kit/held-file.ts";
import { RowTable } from "../kit/row-table.ts";
import { NETDEV_COLUMNS, parseNetdev } from "../proc/net-dev.ts";
import { NETWORK_COLUMNS, NETWORK_SPECS } from "./cgroup-specs.ts";

const LOOPBACK = "lo";
const COLLECTOR = "cgroup";

/** The values of one device; kept for its memory. */
const told = new Float64Array(NETWORK_COLUMNS.length);

/**
 * Which name spaces have somebody who tells of them. A name space is known by the inode of its
 * net/dev, which, unlike the link in ns/, every reader may ask for.
 */
export class NetworkSpaces {
  readonly #context: CollectContext;
  readonly #owners = new Map<number, ContainerNetwork>();
  #ofHost: number | null = null;

  constructor(context: CollectContext) {
    this.#context = context;
  }

  /** Whether `network` may tell of a name space: not the host's, nobody else's. */
  claim(space: number, network: ContainerNetwork): boolean {
    this.#ofHost ??= this.spaceOf("1") ?? this.spaceOf("self");
    if (space === this.#ofHost || this.#owners.has(space)) return false;
    this.#owners.set(space, network);
    return true;
  }

  release(network: ContainerNetwork): void {
    for (const [space, owner] of this.#owners) if (owner === network) this.#owners.delete(space);
  }

  /** Null: the process ended. */
  spaceOf(pid: string): number | null {
    const path = hostPath(this.#context, `/proc/${pid}/net/dev`);
    try {
      return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
    } catch {
      // The process ended between two steps of looking the path up.
      return null;
    }
  }
}

/**
 * What a container sent and received, from net/dev of one of its processes. Of containers that share
 * a name space the first one found has it, so that sums are right.
 */
export class ContainerNetwork {
  readonly #context: CollectContext;
  readonly #spaces: NetworkSpaces;
  readonly #table = new RowTable<SeriesRow>(NETDEV_COLUMNS);
  #labels: Readonly<Record<string, string>> = {};
  #file: HeldFile | null = null;
  #space: number | null = null;
  /** There is something that the series do not have yet. */
  #isNews = false;

  constructor(context: CollectContext, spaces: NetworkSpaces) {
    this.#context = context;
    this.#spaces = spaces;
  }

  get isOpen(): boolean {
    return this.#file !== null;
  }

  /** Without another device than the loopback there is nothing to tell, and hardly a need to look. */
  get hasDevices(): boolean {
    return this.#table.rows.length > 1 || this.#table.rows[0]?.key !== LOOPBACK;
  }

  /** Tells of the process's name space from now on, and no longer of another. */
  open(pid: string): void {
    const space = this.#spaces.spaceOf(pid);
    if (space === null || (this.isOpen && space === this.#space)) return;
    this.close();
    if (!this.#spaces.claim(space, this)) return;
    this.#space = space;
    this.#file = hostFile(this.#context, `/proc/${pid}/net/dev`, { hasManyRecords: true });
  }

  read(): void {
    const file = this.#file;
    if (file === null) return;
    const { faults } = this.#context;
    let outcome: number;
    try {
      outcome = file.read();
    } catch {
      faults.add(COLLECTOR, "unreadable", 1);
      outcome = SAME;
    }
    if (outcome === CHANGED) {
      const scan = file.scan();
      parseNetdev(scan, this.#table);
      this.#isNews = true;
      for (const gone of this.#table.finish()) gone.attachment?.retire();
      faults.add(COLLECTOR, "malformed", scan.malformed);
      faults.add(COLLECTOR, "overflow", this.#table.overflow);
    } else if (outcome !== SAME) {
      // Its process ended: another one of the container's is looked for.
      this.close();
    }
  }

  set(): void {
    if (!this.#isNews || this.#file === null) return;
    this.#isNews = false;
    for (const row of this.#table.rows) {
      if (row.key === LOOPBACK) continue;
      row.attachment ??= this.#series(row.key);
      for (const [i, column] of NETWORK_COLUMNS.entries()) told[i] = row.values[column] ?? -1;
      row.attachment.holdAll(told);
    }
  }

  relabel(labels: Readonly<Record<string, string>>): void {
    this.#labels = labels;
    this.#isNews = true;
    this.#retireRows();
  }

  /** The series end and stay defined: the container may have another process. */
  close(): void {
    this.#file?.close();
    this.#file = null;
    for (const { attachment } of this.#table.rows) attachment?.endAll();
    this.#spaces.release(this);
  }

  retire(): void {
    this.close();
    this.#retireRows();
  }

  #retireRows(): void {
    for (const row of this.#table.rows) {
      row.attachment?.retire();
      row.attachment = null;
    }
  }

  #series(device: string): SeriesRow {
    return new SeriesRow(this.#context.sink, NETWORK_SPECS, { ...this.#labels, interface: device });
  }
}
