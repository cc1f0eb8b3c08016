import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostFile, hostPath, readRequired } from "../context.ts";
import { CHANGED } from "../kit/held-file.ts";
import { type Reading, readingCollector } from "../kit/reading.ts";
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
/** Each behind `ID_ATA_`. */
const ATA = [
  ["WRITE_CACHE", gauge("node_disk_ata_write_cache", "Whether it has a write cache.")],
  ["WRITE_CACHE_ENABLED", gauge("node_disk_ata_write_cache_enabled", "Whether its cache is on.")],
  [
    "ROTATION_RATE_RPM",
    gauge("node_disk_ata_rotation_rate_rpm", "Rotations a minute; 0: it has no disks."),
  ],
] as const;
const SPECS = [DISK, MAPPER, CONTENT, ...ATA.map(([, spec]) => spec)];

const PROPERTIES_MAX = 200;

/** What udev knows of the disks; node_exporter has these in its collector diskstats. */
export function diskFactsCollector(context: CollectContext): Collector {
  const file = hostFile(context, "/proc/diskstats", { hasLongRecords: true });
  const table = new RowTable(DISK_COLUMNS + 2);
  const read = (reading: Reading) => {
    if (readRequired(file) === CHANGED) {
      parseDiskstats(file.scan(), table);
      table.finish();
    }
    for (const { key: device, values } of table.rows) {
      if (isExcludedDisk(device)) continue;
      const disk = { device, major: String(values[DISK_MAJOR]), minor: String(values[DISK_MINOR]) };
      const path = hostPath(context, `/run/udev/data/b${disk.major}:${disk.minor}`);
      tellDisk(disk, parseUdev(readSmallFile(path) ?? ""), reading);
    }
  };
  return readingCollector(context, "disk_facts", SPECS, read, () => file.close());
}

type Properties = ReadonlyMap<string, string>;
type Disk = { readonly device: string; readonly major: string; readonly minor: string };

function tellDisk(disk: Disk, properties: Properties, reading: Reading): void {
  const { device } = disk;
  reading.set(DISK, { ...disk, ...labelsFrom(properties, DISK_LABELS) }, 1);
  if (properties.has("DM_NAME")) {
    reading.set(MAPPER, { device, ...labelsFrom(properties, MAPPER_LABELS) }, 1);
  }
  if (properties.has("ID_FS_TYPE")) {
    reading.set(CONTENT, { device, ...labelsFrom(properties, CONTENT_LABELS) }, 1);
  }
  for (const [property, spec] of ATA) {
    reading.setCount(spec, { device }, numberIn(properties.get(`ID_ATA_${property}`) ?? null));
  }
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
  properties: Properties,
  names: Readonly<Record<string, string>>,
): Record<string, string> {
  const labels = Object.entries(names);
  return Object.fromEntries(labels.map(([label, name]) => [label, properties.get(name) ?? ""]));
}
