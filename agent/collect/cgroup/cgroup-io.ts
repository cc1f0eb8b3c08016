import { SeriesRow } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { CHANGED, GONE, type HeldFile } from "../kit/held-file.ts";
import { RowTable } from "../kit/row-table.ts";
import { type CgroupIoFile, V1_IO_FILES, V2_IO_FILES } from "./cgroup-files.ts";
import { USAGE_SPECS } from "./cgroup-specs.ts";
import type { DeviceNames } from "./device-names.ts";
import { openFirst, readHeld } from "./held-entry.ts";

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
  /** CPU time of the cgroup when its files were last read. */
  cpu = ABSENT;
  readonly #context: CollectContext;
  readonly #devices: DeviceNames;
  readonly #isV1: boolean;
  readonly #files: readonly OpenIoFile[];
  #labels: Readonly<Record<string, string>> = {};
  /** There is something that the series do not have yet. */
  #isNews = false;

  constructor(context: CollectContext, devices: DeviceNames, isV1: boolean) {
    this.#context = context;
    this.#devices = devices;
    this.#isV1 = isV1;
    this.#files = (isV1 ? V1_IO_FILES : V2_IO_FILES).map((file) => {
      return { file, table: new RowTable<DeviceRows>(file.columns), held: null };
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

  /**
   * False when the cgroup is gone. Of several files, the ones behind the first are read if the first
   * changed: they count the same requests.
   * @param hasStarted whether the cgroup used CPU time enough for a few requests
   * @param cpu its CPU time
   */
  read(isAllDue: boolean, hasStarted: boolean, cpu: number): boolean {
    let isChanged = true;
    for (const entry of this.#files) {
      if (!isAllDue && !(isChanged && this.#mayHaveMoved(entry, hasStarted))) break;
      this.cpu = cpu;
      const outcome = readHeld(entry, this.#context);
      if (outcome === GONE) return false;
      isChanged = outcome === CHANGED;
      if (isChanged) this.#parse(entry);
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
    for (const { table } of this.#files) retireRows(table);
  }

  close(): void {
    for (const entry of this.#files) {
      entry.held?.close();
      entry.held = null;
      entry.table.start();
      for (const gone of entry.table.finish()) retire(gone);
    }
  }

  /** v1 counts what the processes ask for, v2 also what is written back without them. */
  #mayHaveMoved({ table }: OpenIoFile, hasStarted: boolean): boolean {
    return hasStarted || (!this.#isV1 && table.rows.length > 0);
  }

  #parse({ file, held, table }: OpenIoFile): void {
    const { buffer, faults } = this.#context;
    const malformed = file.parse(buffer.bytes, held?.length ?? 0, table);
    this.#isNews = true;
    for (const gone of table.finish()) retire(gone);
    faults.add(COLLECTOR, "malformed", malformed);
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

function retireRows(table: RowTable<DeviceRows>): void {
  for (const row of table.rows) retire(row);
}

function retire(row: { attachment: DeviceRows | null }): void {
  row.attachment?.row.retire();
  row.attachment?.usage?.retire();
  row.attachment = null;
}
