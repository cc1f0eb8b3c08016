import { type Collector, familiesOf, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostFile, hostPath, readRequired } from "../context.ts";
import { CHANGED } from "../kit/held-file.ts";
import { LabelledRows } from "../kit/labelled-rows.ts";
import { RowTable } from "../kit/row-table.ts";
import { numberIn, readSmallFile } from "../kit/small-file.ts";
import {
  DISK_COLUMNS,
  DISK_MAJOR,
  DISK_MINOR,
  isExcludedDisk,
  parseDiskstats,
} from "../proc/diskstats.ts";

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

const PROPERTIES_MAX = 200;

/** What udev knows of the disks; node_exporter has these in its collector diskstats. */
export function diskFactsCollector(context: CollectContext): Collector {
  const file = hostFile(context, "/proc/diskstats", { hasLongRecords: true });
  const table = new RowTable(DISK_COLUMNS + 2);
  const disks = new LabelledRows(context, [DISK]);
  const mappers = new LabelledRows(context, [MAPPER]);
  const contents = new LabelledRows(context, [CONTENT]);
  const ata = new LabelledRows(context, ATA_SPECS);
  const tell = (device: string, major: string, minor: string) => {
    const path = hostPath(context, `/run/udev/data/b${major}:${minor}`);
    const properties = parseUdev(readSmallFile(path) ?? "");
    disks.of({ device, major, minor, ...labelsFrom(properties, DISK_LABELS) }).set(0, 1);
    if (properties.has("DM_NAME")) {
      mappers.of({ device, ...labelsFrom(properties, MAPPER_LABELS) }).set(0, 1);
    }
    if (properties.has("ID_FS_TYPE")) {
      contents.of({ device, ...labelsFrom(properties, CONTENT_LABELS) }).set(0, 1);
    }
    for (const [index, [property]] of ATA.entries()) {
      ata.of({ device }).set(index, numberIn(properties.get(property) ?? null));
    }
  };
  const tellAll = () => {
    for (const { key, values } of table.rows) {
      if (isExcludedDisk(key)) continue;
      tell(key, String(values[DISK_MAJOR]), String(values[DISK_MINOR]));
    }
  };
  return {
    name: "disk_facts",
    families: familiesOf([DISK, MAPPER, CONTENT, ...ATA_SPECS]),
    collect: () => {
      if (readRequired(file) === CHANGED) {
        parseDiskstats(context.buffer.bytes, file.length, table);
        table.finish();
      }
      disks.update(() => mappers.update(() => contents.update(() => ata.update(tellAll))));
    },
    close: () => file.close(),
  };
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
