import { join } from "node:path";
import {
  type Collector,
  counter,
  familiesOf,
  gauge,
  JOB_NODE,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostFile, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { type HeldFile, MISSING } from "../kit/held-file.ts";
import { netPath } from "../kit/net-path.ts";
import { listNames } from "../kit/small-file.ts";
import { type ValueFile, ValueFilesCollector } from "../kit/value-files.ts";
import { LineLayout, type LineSpec } from "./line-layout.ts";

/** A line's first word, how many numbers of it are skipped, and the series of those that follow. */
type Line = readonly [word: string, skipped: number, specs: readonly SeriesSpec[]];

function layoutOf(lines: readonly Line[]): LineLayout {
  const specs: LineSpec[] = [];
  let first = 0;
  for (const [word, skipped, { length: count }] of lines) {
    specs.push({ word, skipped, first, count });
    first += count;
  }
  return new LineLayout(specs);
}

function specsOf(lines: readonly Line[]): SeriesSpec[] {
  return lines.flatMap(([, , specs]) => specs);
}

function valueFile(context: CollectContext, file: string, lines: readonly Line[]): ValueFile {
  const layout = layoutOf(lines);
  return {
    path: netPath(context, file),
    specs: specsOf(lines),
    parse: (bytes, length, values) => layout.parse(bytes, length, values),
    isOptional: true,
    hasManyRecords: true,
  };
}

/** Requests by method: the line `procN` counts how many there are, then tells of each. */
function methods(metric: string, proto: string, names: string): SeriesSpec[] {
  const help = "Requests, by version of the protocol and method.";
  return names
    .split(" ")
    .map((method) => ({ ...counter(metric, help), labels: { proto, method } }));
}

const V2 =
  "GetAttr SetAttr Root Lookup ReadLink Read WrCache Write Create Remove Rename Link SymLink MkDir " +
  "RmDir ReadDir FsStat";
const V3 =
  "GetAttr SetAttr Lookup Access ReadLink Read Write Create MkDir SymLink MkNod Remove RmDir Rename " +
  "Link ReadDir ReadDirPlus FsStat FsInfo PathConf Commit";
const CLIENT_V4 =
  "Null Read Write Commit Open OpenConfirm OpenNoattr OpenDowngrade Close Setattr FsInfo Renew " +
  "SetClientID SetClientIDConfirm Lock Lockt Locku Access Getattr Lookup LookupRoot Remove Rename " +
  "Link Symlink Create Pathconf StatFs ReadLink ReadDir ServerCaps DelegReturn GetACL SetACL " +
  "FsLocations ReleaseLockowner Secinfo FsidPresent ExchangeID CreateSession DestroySession " +
  "Sequence GetLeaseTime ReclaimComplete LayoutGet GetDeviceInfo LayoutCommit LayoutReturn " +
  "SecinfoNoName TestStateID FreeStateID GetDeviceList BindConnToSession DestroyClientID Seek " +
  "Allocate DeAllocate LayoutStats Clone";
const SERVER_V4 =
  "Access Close Commit Create DelegPurge DelegReturn GetAttr GetFH Link Lock Lockt Locku Lookup " +
  "LookupRoot Nverify Open OpenAttr OpenConfirm OpenDgrd PutFH PutPubFH PutRootFH Read ReadDir " +
  "ReadLink Remove Rename Renew RestoreFH SaveFH SecInfo SetAttr SetClientId SetClientIdConfirm " +
  "Verify Write RelLockOwner";

function packets(metric: string, label: string): SeriesSpec[] {
  const help = "Packets, by protocol.";
  return ["udp", "tcp"].map((name) => ({ ...counter(metric, help), labels: { [label]: name } }));
}

const NFS: readonly Line[] = [
  [
    "net",
    1,
    [
      ...packets("node_nfs_packets_total", "protocol"),
      counter("node_nfs_connections_total", "TCP connections."),
    ],
  ],
  [
    "rpc",
    0,
    [
      counter("node_nfs_rpcs_total", "Calls."),
      counter("node_nfs_rpc_retransmissions_total", "Calls that were sent again."),
      counter("node_nfs_rpc_authentication_refreshes_total", "Credentials that were renewed."),
    ],
  ],
  ["proc2", 1, methods("node_nfs_requests_total", "2", `Null ${V2}`)],
  ["proc3", 1, methods("node_nfs_requests_total", "3", `Null ${V3}`)],
  ["proc4", 1, methods("node_nfs_requests_total", "4", CLIENT_V4)],
];

/** What this host asked of NFS servers. */
export function nfsCollector(context: CollectContext): Collector {
  return new ValueFilesCollector(context, "nfs", [valueFile(context, "rpc/nfs", NFS)]);
}

const RPC_ERRORS = ["fmt", "auth", "cInt"].map((error) => ({
  ...counter("node_nfsd_rpc_errors_total", "Calls that were refused, by reason."),
  labels: { error },
}));

const NFSD: readonly Line[] = [
  [
    "rc",
    0,
    [
      counter("node_nfsd_reply_cache_hits_total", "Repeated requests that were answered."),
      counter("node_nfsd_reply_cache_misses_total", "Requests whose reply was kept."),
      counter("node_nfsd_reply_cache_nocache_total", "Requests whose reply was not kept."),
    ],
  ],
  ["fh", 0, [counter("node_nfsd_file_handles_stale_total", "Handles of files that are gone.")]],
  [
    "io",
    0,
    [
      counter("node_nfsd_disk_bytes_read_total", "Bytes read."),
      counter("node_nfsd_disk_bytes_written_total", "Bytes written."),
    ],
  ],
  ["th", 0, [gauge("node_nfsd_server_threads", "Threads of the server.")]],
  [
    "net",
    1,
    [
      ...packets("node_nfsd_packets_total", "proto"),
      counter("node_nfsd_connections_total", "TCP connections."),
    ],
  ],
  ["rpc", 0, [counter("node_nfsd_server_rpcs_total", "Calls.")]],
  ["proc2", 2, methods("node_nfsd_requests_total", "2", V2)],
  ["proc3", 2, methods("node_nfsd_requests_total", "3", V3)],
  // Behind their count come the operations 0 to 2, which are none.
  ["proc4ops", 4, methods("node_nfsd_requests_total", "4", SERVER_V4)],
];

/** What NFS clients asked of this host. The counts of refused calls stand behind two sums. */
export function nfsdCollector(context: CollectContext): Collector {
  return new ValueFilesCollector(context, "nfsd", [
    valueFile(context, "rpc/nfsd", NFSD),
    valueFile(context, "rpc/nfsd", [["rpc", 2, RPC_ERRORS]]),
  ]);
}

function xfs(word: string, metrics: string): Line {
  const help = `A number of the line ${word} of the file system's statistics.`;
  const specs = metrics.split(" ").map((name) => counter(`node_xfs_${name}_total`, help));
  return [word, 0, specs];
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

const XFS_DIRECTORY = "/sys/fs/xfs";
const XFS_MAX = 256;
type XfsDevice = { readonly file: HeldFile; readonly row: SeriesRow };

/** Statistics of each XFS file system. */
export function xfsCollector(context: CollectContext): Collector {
  const layout = layoutOf(XFS);
  const specs = specsOf(XFS);
  const values = new Float64Array(specs.length).fill(ABSENT);
  const devices = new Map<string, XfsDevice>();
  const drop = (name: string, { file, row }: XfsDevice) => {
    file.close();
    row.retire();
    devices.delete(name);
  };
  return {
    name: "xfs",
    families: familiesOf(specs),
    collect: () => {
      // Beside the file systems stand the sums of all, in a directory of its own.
      const names = listNames(hostPath(context, XFS_DIRECTORY), XFS_MAX);
      const listed = new Set(names.filter((name) => name !== "stats" && name !== "debug"));
      for (const [name, device] of devices) if (!listed.has(name)) drop(name, device);
      for (const name of listed) {
        let device = devices.get(name);
        if (device === undefined) {
          const file = hostFile(context, join(XFS_DIRECTORY, name, "stats/stats"), {
            comparesBytes: false,
          });
          const row = new SeriesRow(context.sink, specs, { job: JOB_NODE, device: name });
          device = { file, row };
          devices.set(name, device);
        }
        const { file, row } = device;
        if (file.read() >= MISSING) continue;
        const malformed = layout.parse(context.buffer.bytes, file.length, values);
        context.faults.add("xfs", "malformed", malformed);
        row.setAll(values);
      }
    },
    close: () => {
      for (const { file } of devices.values()) file.close();
    },
  };
}
