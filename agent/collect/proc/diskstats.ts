import { type Collector, counter, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import type { ByteScanner } from "../kit/byte-scanner.ts";
import { rowsCollector } from "../kit/file-collector.ts";
import type { RowTable } from "../kit/row-table.ts";

/**
 * Columns of a diskstats row: reads, merged, sectors, ms; the same of writes; in progress, ms busy,
 * weighted ms; the same four of discards (kernel 4.18); flushes and their ms (5.5).
 */
export const DISK_COLUMNS = 17;
/** Behind them, the device number. */
export const DISK_MAJOR = 17;
export const DISK_MINOR = 18;

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
  counter("node_disk_flush_requests_time_seconds_total", "Time that flushes took together.", MS),
];

const SECTORS_READ = 2;
const SECTORS_WRITTEN = 6;

/** Partitions, loops, RAM disks and floppies: what node_exporter leaves out by default. */
const EXCLUDED = /^(?:(?:z?ram|loop|fd)|(?:[hsv]|xv)d[a-z]|nvme\d+n\d+p)\d+$/;

export function isExcludedDisk(device: string): boolean {
  return EXCLUDED.test(device);
}

export function diskstatsCollector(context: CollectContext): Collector {
  return rowsCollector(context, "diskstats", {
    path: "/proc/diskstats",
    hasLongRecords: true,
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

/**
 * Reads /proc/diskstats; a row's key is the device's name. What an older kernel lacks is ABSENT.
 * Source: kernel docs, admin-guide/iostats.
 */
export function parseDiskstats<T>(scan: ByteScanner, table: RowTable<T>): void {
  table.start();
  for (; !scan.isDone; scan.skipLine()) {
    const major = scan.count();
    const minor = scan.count();
    scan.skipSpaces();
    const start = scan.at;
    scan.skipWord();
    const row = scan.at > start ? table.take(scan.bytes, start, scan.at) : null;
    if (row === null) continue;
    scan.counts(row.values, DISK_COLUMNS);
    row.values[DISK_MAJOR] = major;
    row.values[DISK_MINOR] = minor;
  }
}
