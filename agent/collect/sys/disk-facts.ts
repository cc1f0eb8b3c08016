import {
  type Collector,
  familiesOf,
  gauge,
  JOB_NODE,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostFile, hostPath, readRequired } from "../context.ts";
import { CHANGED } from "../kit/held-file.ts";
import { LabelledFact } from "../kit/labelled-fact.ts";
import { RowTable } from "../kit/row-table.ts";
import { numberIn, readSmallFile } from "../kit/small-file.ts";
import { isExcludedDisk } from "../proc/diskstats.ts";
import { DISK_COLUMNS, DISK_MAJOR, DISK_MINOR, parseDiskstats } from "../proc/tables.ts";

const DISK = gauge("node_disk_info", "What the disk is.");
const DISK_LABELS = {
  path: "ID_PATH",
  wwn: "ID_WWN",
  model: "ID_MODEL",
  serial: "ID_SERIAL_SHORT",
  revision: "ID_REVISION",
};
const MAPPER = gauge("node_disk_device_mapper_info", "What the mapped device is.");
const MAPPER_LABELS = {
  name: "DM_NAME",
  uuid: "DM_UUID",
  vg_name: "DM_VG_NAME",
  lv_name: "DM_LV_NAME",
  lv_layer: "DM_LV_LAYER",
};
const CONTENT = gauge("node_disk_filesystem_info", "The file system on the disk.");
const CONTENT_LABELS = {
  type: "ID_FS_TYPE",
  usage: "ID_FS_USAGE",
  uuid: "ID_FS_UUID",
  version: "ID_FS_VERSION",
};
const ATA: readonly (readonly [property: string, spec: SeriesSpec])[] = [
  ["ID_ATA_WRITE_CACHE", gauge("node_disk_ata_write_cache", "Whether it has a write cache.")],
  [
    "ID_ATA_WRITE_CACHE_ENABLED",
    gauge("node_disk_ata_write_cache_enabled", "Whether its write cache is on."),
  ],
  [
    "ID_ATA_ROTATION_RATE_RPM",
    gauge("node_disk_ata_rotation_rate_rpm", "Rotations a minute; 0: it has no disks."),
  ],
];
const ATA_SPECS = ATA.map(([, spec]) => spec);

type Facts = {
  readonly disk: LabelledFact;
  readonly mapper: LabelledFact;
  readonly content: LabelledFact;
  readonly ata: SeriesRow;
};

const PROPERTIES_MAX = 200;

/** What udev knows of the disks; node_exporter has these in its collector diskstats. */
export class DiskFactsCollector implements Collector {
  readonly name = "disk_facts";
  readonly families = familiesOf([DISK, MAPPER, CONTENT, ...ATA_SPECS]);
  readonly #context: CollectContext;
  readonly #file;
  readonly #table = new RowTable<Facts>(DISK_COLUMNS + 2);

  constructor(context: CollectContext) {
    this.#context = context;
    this.#file = hostFile(context, "/proc/diskstats", { hasLongRecords: true });
  }

  collect(): void {
    const { buffer } = this.#context;
    if (readRequired(this.#file) === CHANGED) {
      parseDiskstats(buffer.bytes, this.#file.length, this.#table);
      for (const { attachment } of this.#table.finish()) if (attachment) retire(attachment);
    }
    for (const row of this.#table.rows) {
      if (isExcludedDisk(row.key)) continue;
      row.attachment ??= this.#series(row.key);
      this.#tell(row.attachment, row.key, row.values);
    }
  }

  close(): void {
    this.#file.close();
  }

  #tell({ disk, mapper, content, ata }: Facts, device: string, values: Float64Array): void {
    const major = String(values[DISK_MAJOR]);
    const minor = String(values[DISK_MINOR]);
    const path = hostPath(this.#context, `/run/udev/data/b${major}:${minor}`);
    const properties = parseUdev(readSmallFile(path) ?? "");
    disk.tell({ device, major, minor, ...labelsFrom(properties, DISK_LABELS) });
    disk.set();
    tellIf(mapper, properties.has("DM_NAME"), { device, ...labelsFrom(properties, MAPPER_LABELS) });
    const hasContent = properties.has("ID_FS_TYPE");
    tellIf(content, hasContent, { device, ...labelsFrom(properties, CONTENT_LABELS) });
    for (const [index, [property]] of ATA.entries()) {
      ata.set(index, numberIn(properties.get(property) ?? null));
    }
  }

  #series(device: string): Facts {
    const { sink } = this.#context;
    return {
      disk: new LabelledFact(sink, DISK),
      mapper: new LabelledFact(sink, MAPPER),
      content: new LabelledFact(sink, CONTENT),
      ata: new SeriesRow(sink, ATA_SPECS, { job: JOB_NODE, device }),
    };
  }
}

function tellIf(fact: LabelledFact, isKnown: boolean, labels: Record<string, string>): void {
  if (isKnown) fact.tell(labels);
  else fact.retire();
  fact.set();
}

function retire({ disk, mapper, content, ata }: Facts): void {
  for (const series of [disk, mapper, content, ata]) series.retire();
}

/** Reads a file of udev's database: `E:NAME=value` lines are properties. */
export function parseUdev(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of text.split("\n", PROPERTIES_MAX)) {
    const equals = line.indexOf("=");
    if (line.startsWith("E:") && equals > 2) {
      properties.set(line.slice(2, equals), line.slice(equals + 1));
    }
  }
  return properties;
}

function labelsFrom(
  properties: ReadonlyMap<string, string>,
  names: Readonly<Record<string, string>>,
): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [label, property] of Object.entries(names)) {
    labels[label] = properties.get(property) ?? "";
  }
  return labels;
}
