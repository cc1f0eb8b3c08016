import { SeriesRow, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostFile } from "../context.ts";
import { ABSENT, type ByteScanner } from "../kit/byte-scanner.ts";
import { CHANGED, GONE, type HeldFile } from "../kit/held-file.ts";
import { RowTable } from "../kit/row-table.ts";
import { DISK_COLUMNS, DISK_MAJOR, DISK_MINOR, parseDiskstats } from "../proc/diskstats.ts";
import { openFirst, readHeld } from "./cgroup-files.ts";
import { IO_SPECS, USAGE_SPECS } from "./cgroup-specs.ts";

const EQUALS = 61;
const LETTER_B = 98;
const LETTER_I = 105;
const LETTER_R = 114;
const LETTER_W = 119;
const CAPITAL_R = 82;
const CAPITAL_W = 87;

/** Columns of a blkio row, reads and writes; io.stat has bytes read and written, reads and writes. */
const BLKIO_COLUMNS = 2;

/** A file with a row per device. */
export type CgroupIoFile = {
  readonly names: readonly string[];
  /** One per column. */
  readonly specs: readonly SeriesSpec[];
  /** The first two columns are bytes read and written. */
  readonly hasBytes: boolean;
  readonly parse: <T>(scan: ByteScanner, table: RowTable<T>) => void;
};

export const V2_IO_FILES: readonly CgroupIoFile[] = [
  { names: ["io.stat"], specs: IO_SPECS, hasBytes: true, parse: parseIoStat },
];

/** `_recursive` counts children too, as every other file does. */
export const V1_IO_FILES: readonly CgroupIoFile[] = [
  {
    names: ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"],
    specs: IO_SPECS.slice(0, BLKIO_COLUMNS),
    hasBytes: true,
    parse: parseBlkio,
  },
  {
    names: ["blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"],
    specs: IO_SPECS.slice(BLKIO_COLUMNS),
    hasBytes: false,
    parse: parseBlkio,
  },
];

/** The series of a device; `usage` tells the bytes once more, under cAdvisor's other name. */
type DeviceRows = { readonly row: SeriesRow; readonly usage: SeriesRow | null };
type OpenIoFile = {
  readonly file: CgroupIoFile;
  readonly table: RowTable<DeviceRows>;
  held: HeldFile | null;
};

const COLLECTOR = "cgroup";

/** What a cgroup read from and wrote to disks. */
export class CgroupIo {
  readonly #context: CollectContext;
  readonly #devices: DeviceNames;
  readonly #files: readonly OpenIoFile[];
  #labels: Readonly<Record<string, string>> = {};
  /** There is something that the series do not have yet. */
  #isNews = false;

  constructor(context: CollectContext, devices: DeviceNames, isV1: boolean) {
    this.#context = context;
    this.#devices = devices;
    this.#files = (isV1 ? V1_IO_FILES : V2_IO_FILES).map((file) => {
      return { file, table: new RowTable<DeviceRows>(file.specs.length), held: null };
    });
  }

  /** Opens what is not open; true when something was. */
  open(directory: string | null): boolean {
    let isNew = false;
    for (const entry of this.#files) {
      if (entry.held !== null) continue;
      entry.held = openFirst(this.#context, directory, entry.file.names, {});
      isNew ||= entry.held !== null;
    }
    return isNew;
  }

  /** False when the cgroup is gone. */
  read(): boolean {
    for (const entry of this.#files) {
      const outcome = readHeld(entry, this.#context);
      if (outcome === GONE) return false;
      if (outcome === CHANGED && entry.held !== null) this.#parse(entry, entry.held);
    }
    return true;
  }

  set(): void {
    if (!this.#isNews) return;
    this.#isNews = false;
    for (const { file, table } of this.#files) {
      for (const row of table.rows) {
        row.attachment ??= this.#series(file, row.key);
        row.attachment.row.holdAll(row.values);
        row.attachment.usage?.holdAll(row.values);
      }
    }
  }

  relabel(labels: Readonly<Record<string, string>>): void {
    this.#labels = labels;
    this.#isNews = true;
    for (const { table } of this.#files) table.rows.forEach(retire);
  }

  close(): void {
    for (const entry of this.#files) {
      entry.held?.close();
      entry.held = null;
      entry.table.start();
      for (const gone of entry.table.finish()) retire(gone);
    }
  }

  #parse({ file, table }: OpenIoFile, held: HeldFile): void {
    const { faults } = this.#context;
    const scan = held.scan();
    file.parse(scan, table);
    this.#isNews = true;
    for (const gone of table.finish()) retire(gone);
    faults.add(COLLECTOR, "malformed", scan.malformed);
    faults.add(COLLECTOR, "overflow", table.overflow);
  }

  #series(file: CgroupIoFile, key: string): DeviceRows {
    const { sink } = this.#context;
    const labels = { ...this.#labels, device: this.#devices.nameOf(key) };
    const [major = "", minor = ""] = key.split(":");
    const usageLabels = { ...labels, major, minor };
    return {
      row: new SeriesRow(sink, file.specs, labels),
      usage: file.hasBytes ? new SeriesRow(sink, USAGE_SPECS, usageLabels) : null,
    };
  }
}

function retire(row: { attachment: DeviceRows | null }): void {
  row.attachment?.row.retire();
  row.attachment?.usage?.retire();
  row.attachment = null;
}

/** Names of block devices by `major:minor`; the numbers of many drivers are not fixed. */
export class DeviceNames {
  readonly #file: HeldFile;
  readonly #table = new RowTable<SeriesRow>(DISK_COLUMNS + 2);
  readonly #names = new Map<string, string>();

  constructor(context: CollectContext) {
    this.#file = hostFile(context, "/proc/diskstats", { hasLongRecords: true });
  }

  /** `/dev/vda`, or the number where no such device is listed. Uses the shared read buffer. */
  nameOf(device: string): string {
    if (!this.#names.has(device)) this.#readNames();
    const name = this.#names.get(device);
    return name === undefined ? device : `/dev/${name}`;
  }

  close(): void {
    this.#file.close();
  }

  #readNames(): void {
    if (this.#file.read() !== CHANGED) return;
    parseDiskstats(this.#file.scan(), this.#table);
    this.#table.finish();
    this.#names.clear();
    for (const { key, values } of this.#table.rows) {
      this.#names.set(`${values[DISK_MAJOR]}:${values[DISK_MINOR]}`, key);
    }
  }
}

/**
 * Reads v2's io.stat: `254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`; the key of a row is
 * the device number. A device that did nothing may stand there without values, and has no row.
 */
export function parseIoStat<T>(scan: ByteScanner, table: RowTable<T>): void {
  const { bytes } = scan;
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    const end = skipDevice(scan);
    if (end === ABSENT) continue;
    const row = table.gather(bytes, start, end);
    while (row !== null && !scan.isAtLineEnd) {
      const column = ioColumn(bytes, scan.at);
      if (column === ABSENT) scan.skipWord();
      else if (scan.skipPast(EQUALS)) row.values[column] = scan.count();
      scan.skipSpaces();
    }
  }
}

/** To what follows a line's device number; returns where that ends, ABSENT: nothing follows. */
function skipDevice(scan: ByteScanner): number {
  const start = scan.at;
  scan.skipWord();
  const end = scan.at;
  scan.skipSpaces();
  return scan.isAtLineEnd || end === start ? ABSENT : end;
}

/** rbytes 0, wbytes 1, rios 2, wios 3; any other key is ABSENT. */
function ioColumn(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  const second = bytes[at + 1];
  if (first !== LETTER_R && first !== LETTER_W) return ABSENT;
  const offset = first === LETTER_R ? 0 : 1;
  if (second === LETTER_B) return offset;
  return second === LETTER_I ? offset + 2 : ABSENT;
}

/**
 * Reads v1's blkio.throttle.io_service*: `254:0 Read 1`, a line for each operation. Sync, Async and
 * Total count the same again, and Total counts discards with it, so only Read and Write are taken.
 */
export function parseBlkio<T>(scan: ByteScanner, table: RowTable<T>): void {
  const { bytes } = scan;
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const start = scan.at;
    const end = skipDevice(scan);
    const operation = bytes[scan.at];
    if (end === ABSENT || (operation !== CAPITAL_R && operation !== CAPITAL_W)) continue;
    scan.skipWord();
    const row = table.gather(bytes, start, end);
    if (row !== null) row.values[operation === CAPITAL_R ? 0 : 1] = scan.count();
  }
}
