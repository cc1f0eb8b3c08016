import { type Collector, counter, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { RowCollector } from "../kit/row-collector.ts";
import { DISK_COLUMNS, parseDiskstats } from "./tables.ts";

/** Sectors of /proc/diskstats are of this size, whatever the disk's are. */
const SECTOR_BYTES = 512;

const MS = 3;
const SPECS = [
  counter("node_disk_reads_completed_total", "Reads that were completed."),
  counter("node_disk_reads_merged_total", "Reads that were merged with another."),
  counter("node_disk_read_bytes_total", "Bytes read."),
  counter("node_disk_read_time_seconds_total", "Time that all reads took together.", MS),
  counter("node_disk_writes_completed_total", "Writes that were completed."),
  counter("node_disk_writes_merged_total", "Writes that were merged with another."),
  counter("node_disk_written_bytes_total", "Bytes written."),
  counter("node_disk_write_time_seconds_total", "Time that all writes took together.", MS),
  gauge("node_disk_io_now", "Requests in progress."),
  counter("node_disk_io_time_seconds_total", "Time with at least one request in progress.", MS),
  counter(
    "node_disk_io_time_weighted_seconds_total",
    "Time with a request in progress, times their number.",
    MS,
  ),
  counter("node_disk_discards_completed_total", "Discards that were completed."),
  counter("node_disk_discards_merged_total", "Discards that were merged with another."),
  counter("node_disk_discarded_sectors_total", "Sectors discarded."),
  counter("node_disk_discard_time_seconds_total", "Time that all discards took together.", MS),
  counter("node_disk_flush_requests_total", "Flushes that were completed."),
  counter(
    "node_disk_flush_requests_time_seconds_total",
    "Time that all flushes took together.",
    MS,
  ),
];

const SECTORS_READ = 2;
const SECTORS_WRITTEN = 6;

/** Partitions, loops, RAM disks and floppies: what node_exporter leaves out by default. */
const EXCLUDED = /^(?:(?:z?ram|loop|fd)|(?:[hsv]|xv)d[a-z]|nvme\d+n\d+p)\d+$/;

export function isExcludedDisk(device: string): boolean {
  return EXCLUDED.test(device);
}

export function diskstatsCollector(context: CollectContext): Collector {
  return new RowCollector(context, {
    name: "diskstats",
    path: "/proc/diskstats",
    hasManyRecords: true,
    columns: DISK_COLUMNS + 2,
    specs: SPECS,
    parse: parseDiskstats,
    label: "device",
    isExcluded: isExcludedDisk,
    convert: (values) => {
      values[SECTORS_READ] = (values[SECTORS_READ] ?? 0) * SECTOR_BYTES;
      values[SECTORS_WRITTEN] = (values[SECTORS_WRITTEN] ?? 0) * SECTOR_BYTES;
    },
  });
}
