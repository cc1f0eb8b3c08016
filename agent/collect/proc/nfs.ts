import { type Collector, counter, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, netPath } from "../context.ts";
import { type ValuesOptions, valuesCollector } from "../kit/file-collector.ts";
import { type Line, lineParser } from "../kit/line-parser.ts";

function linesFile(context: CollectContext, file: string, lines: readonly Line[]): ValuesOptions {
  return {
    path: netPath(context, file),
    specs: lines.flatMap(([, , ...specs]) => specs),
    parse: lineParser(lines),
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
    ...packets("node_nfs_packets_total", "protocol"),
    counter("node_nfs_connections_total", "TCP connections."),
  ],
  [
    "rpc",
    0,
    counter("node_nfs_rpcs_total", "Calls."),
    counter("node_nfs_rpc_retransmissions_total", "Calls that were sent again."),
    counter("node_nfs_rpc_authentication_refreshes_total", "Credentials that were renewed."),
  ],
  ["proc2", 1, ...methods("node_nfs_requests_total", "2", `Null ${V2}`)],
  ["proc3", 1, ...methods("node_nfs_requests_total", "3", `Null ${V3}`)],
  ["proc4", 1, ...methods("node_nfs_requests_total", "4", CLIENT_V4)],
];

/** What this host asked of NFS servers. */
export function nfsCollector(context: CollectContext): Collector {
  return valuesCollector(context, "nfs", [linesFile(context, "rpc/nfs", NFS)]);
}

const RPC_ERRORS = ["fmt", "auth", "cInt"].map((error) => ({
  ...counter("node_nfsd_rpc_errors_total", "Calls that were refused, by reason."),
  labels: { error },
}));

const NFSD: readonly Line[] = [
  [
    "rc",
    0,
    counter("node_nfsd_reply_cache_hits_total", "Repeated requests that were answered."),
    counter("node_nfsd_reply_cache_misses_total", "Requests whose reply was kept."),
    counter("node_nfsd_reply_cache_nocache_total", "Requests whose reply was not kept."),
  ],
  ["fh", 0, counter("node_nfsd_file_handles_stale_total", "Handles of files that are gone.")],
  [
    "io",
    0,
    counter("node_nfsd_disk_bytes_read_total", "Bytes read."),
    counter("node_nfsd_disk_bytes_written_total", "Bytes written."),
  ],
  ["th", 0, gauge("node_nfsd_server_threads", "Threads of the server.")],
  [
    "net",
    1,
    ...packets("node_nfsd_packets_total", "proto"),
    counter("node_nfsd_connections_total", "TCP connections."),
  ],
  ["rpc", 0, counter("node_nfsd_server_rpcs_total", "Calls.")],
  ["proc2", 2, ...methods("node_nfsd_requests_total", "2", V2)],
  ["proc3", 2, ...methods("node_nfsd_requests_total", "3", V3)],
  // Behind their count come the operations 0 to 2, which are none.
  ["proc4ops", 4, ...methods("node_nfsd_requests_total", "4", SERVER_V4)],
];

/** What NFS clients asked of this host. The counts of refused calls stand behind two sums. */
export function nfsdCollector(context: CollectContext): Collector {
  return valuesCollector(context, "nfsd", [
    linesFile(context, "rpc/nfsd", NFSD),
    linesFile(context, "rpc/nfsd", [["rpc", 2, ...RPC_ERRORS]]),
  ]);
}
