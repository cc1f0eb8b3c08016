import { join } from "node:path";
import { type Collector, counter } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { type Line, lineParser } from "../kit/line-parser.ts";
import { readingCollector } from "../kit/reading.ts";
import { listNames, readSmallBytes } from "../kit/small-file.ts";

function xfs(word: string, metrics: string): Line {
  const help = `A number of the line ${word} of the file system's statistics.`;
  const specs = metrics.split(" ").map((name) => counter(`node_xfs_${name}_total`, help));
  return [word, 0, ...specs];
}

const XFS: readonly Line[] = [
  xfs(
    "extent_alloc",
    "extent_allocation_extents_allocated extent_allocation_blocks_allocated " +
      "extent_allocation_extents_freed extent_allocation_blocks_freed",
  ),
  xfs(
    "abt",
    "allocation_btree_lookups allocation_btree_compares allocation_btree_records_inserted " +
      "allocation_btree_records_deleted",
  ),
  xfs(
    "blk_map",
    "block_mapping_reads block_mapping_writes block_mapping_unmaps " +
      "block_mapping_extent_list_insertions block_mapping_extent_list_deletions " +
      "block_mapping_extent_list_lookups block_mapping_extent_list_compares",
  ),
  xfs(
    "bmbt",
    "block_map_btree_lookups block_map_btree_compares block_map_btree_records_inserted " +
      "block_map_btree_records_deleted",
  ),
  xfs(
    "dir",
    "directory_operation_lookup directory_operation_create directory_operation_remove " +
      "directory_operation_getdents",
  ),
  // In the kernel's order (fs/xfs/xfs_stats.h); node_exporter takes the first for the reads.
  xfs("rw", "write_calls read_calls"),
  xfs(
    "vnodes",
    "vnode_active vnode_allocate vnode_get vnode_hold vnode_release vnode_reclaim vnode_remove",
  ),
];

const DIRECTORY = "/sys/fs/xfs";
/** Beside the file systems stand the sums of all, in a directory of its own. */
const DEVICE = /^(?!stats$|debug$)/;
const DEVICES_MAX = 256;

/** Statistics of each XFS file system. */
export function xfsCollector(context: CollectContext): Collector {
  const specs = XFS.flatMap(([, , ...own]) => own);
  const parse = lineParser(XFS);
  const values = new Float64Array(specs.length);
  const directory = hostPath(context, DIRECTORY);
  return readingCollector(context, "xfs", specs, (reading) => {
    const devices = listNames(directory, DEVICE);
    reading.overflow += Math.max(devices.length - DEVICES_MAX, 0);
    for (const device of devices.slice(0, DEVICES_MAX)) {
      const bytes = readSmallBytes(join(directory, device, "stats/stats"));
      if (bytes === null) continue;
      const scan = new ByteScanner(bytes, bytes.length);
      parse(scan, values.fill(ABSENT));
      reading.malformed += scan.malformed;
      for (const [index, spec] of specs.entries()) {
        reading.setCount(spec, { device }, values[index] ?? ABSENT);
      }
    }
  });
}
