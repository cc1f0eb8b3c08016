import type { SeriesRow } from "../collector.ts";
import { type CollectContext, hostFile } from "../context.ts";
import { CHANGED, type HeldFile } from "../kit/held-file.ts";
import { RowTable } from "../kit/row-table.ts";
import { DISK_COLUMNS, DISK_MAJOR, DISK_MINOR, parseDiskstats } from "../proc/tables.ts";

/** Names of block devices by `major:minor`; the numbers of many drivers are not fixed. */
export class DeviceNames {
  readonly #context: CollectContext;
  readonly #file: HeldFile;
  readonly #table = new RowTable<SeriesRow>(DISK_COLUMNS + 2);
  readonly #names = new Map<string, string>();

  constructor(context: CollectContext) {
    this.#context = context;
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
    parseDiskstats(this.#context.buffer.bytes, this.#file.length, this.#table);
    this.#table.finish();
    this.#names.clear();
    for (const { key, values } of this.#table.rows) {
      this.#names.set(`${values[DISK_MAJOR]}:${values[DISK_MINOR]}`, key);
    }
  }
}
