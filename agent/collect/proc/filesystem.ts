import { join } from "node:path";
import { type Collector, familiesOf, gauge, JOB_NODE, SeriesRow } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { type AskSpace, loadAskSpace, StatfsQueue } from "../kit/statfs.ts";
import { type Mount, MountsFile } from "./mounts.ts";

const SPECS = [
  gauge("node_filesystem_size_bytes", "Size of the file system."),
  gauge("node_filesystem_free_bytes", "Free bytes, those kept for root included."),
  gauge("node_filesystem_avail_bytes", "Free bytes for those who are not root."),
  gauge("node_filesystem_files", "Files that there may be."),
  gauge("node_filesystem_files_free", "Files that may still be made."),
  gauge("node_filesystem_readonly", "Whether the file system is mounted read-only."),
  gauge("node_filesystem_device_error", "Whether the file system could not be asked, or in time."),
];
const READONLY = 5;
const DEVICE_ERROR = 6;

/** What node_exporter leaves out by default. */
const EXCLUDED_MOUNT_POINTS =
  /^\/(?:dev|proc|sys|run\/credentials\/.+|var\/lib\/docker\/.+|var\/lib\/containers\/storage\/.+)(?:$|\/)/;
const EXCLUDED_TYPES = new Set(
  (
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs fusectl hugetlbfs " +
    "iso9660 mqueue nsfs overlay proc procfs pstore rpc_pipefs securityfs selinuxfs squashfs " +
    "sysfs tracefs"
  ).split(" "),
);
/** Behind a block device that another machine may hold, or a program. */
const REMOTE_TYPES = /^(?:fuse|gfs|ocfs)/;
/** Without a block device, and still on this machine. */
const LOCAL_TYPES = /^(?:tmpfs|ramfs|zfs|bcachefs|btrfs|efivarfs|rootfs|overlay)$/;
/**
 * A mount whose file system shut itself down says so, and not `ro`: ext4 from Linux 6.12 on.
 * Source: kernel, fs/ext4/super.c (_ext4_show_options).
 */
const READONLY_OPTIONS = ["ro", "emergency_ro", "shutdown"] as const;

const REFRESH_MS = 5000;
const MOUNTS_MAX = 1000;

/**
 * Space and files of every file system, asked every 5 s in the background: statfs(2) on the mount of
 * a dead server does not return, and must not hold up a tick. The tick that finds the answers
 * of all sets them.
 *
 * A call that hangs keeps one of Node's four pool threads for good, and the agent's own disk needs
 * them too: so local and remote file systems have a queue each, with one call at a time; in the
 * remote one a second call is let past one that hangs.
 */
export class FilesystemCollector implements Collector {
  readonly name = "filesystem";
  readonly families = familiesOf(SPECS);
  readonly #context: CollectContext;
  readonly #file: MountsFile;
  readonly #mounts = new Map<string, { readonly row: SeriesRow; mount: Mount }>();
  readonly #local: StatfsQueue;
  readonly #remote: StatfsQueue;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #readAtMs: number | null = null;

  constructor(context: CollectContext, ask: AskSpace = loadAskSpace()) {
    this.#context = context;
    this.#file = new MountsFile(context, "init");
    const askHost = (mountPoint: string) => ask(join(context.hostRoot, mountPoint));
    this.#local = new StatfsQueue(askHost, 1);
    this.#remote = new StatfsQueue(askHost, 2);
  }

  get readAtMs(): number | null {
    return this.#readAtMs;
  }

  collect(nowMs: number): void {
    if (Math.abs(nowMs - this.#refreshedAtMs) >= REFRESH_MS) {
      this.#refreshedAtMs = nowMs;
      this.#readMounts();
      this.#isAsking = true;
    }
    this.#local.advance(nowMs);
    this.#remote.advance(nowMs);
    const isAnswered = this.#isAsking && this.#local.isSettled && this.#remote.isSettled;
    this.#readAtMs = isAnswered ? nowMs : null;
    if (isAnswered) this.#set();
  }

  #set(): void {
    this.#isAsking = false;
    for (const { row, mount } of this.#mounts.values()) {
      const answer = this.#queueOf(mount).answerFor(mount.mountPoint);
      if (answer === null) continue;
      row.setAll(answer.values);
      row.set(READONLY, isReadonly(mount) ? 1 : 0);
      row.set(DEVICE_ERROR, answer.isError ? 1 : 0);
    }
  }

  close(): void {
    this.#file.close();
  }

  #readMounts(): void {
    const mounts = new Map<string, Mount>();
    const listed = this.#file.read();
    this.#context.faults.add(this.name, "limit", this.#file.leftOut);
    for (const mount of listed) {
      const isExcluded =
        EXCLUDED_TYPES.has(mount.fsType) || EXCLUDED_MOUNT_POINTS.test(mount.mountPoint);
      if (isExcluded) continue;
      if (mounts.size < MOUNTS_MAX) mounts.set(mountKey(mount), mount);
      else this.#context.faults.add(this.name, "limit", 1);
    }
    for (const [key, { row }] of this.#mounts) {
      if (mounts.has(key)) continue;
      row.retire();
      this.#mounts.delete(key);
    }
    for (const [key, mount] of mounts) {
      const known = this.#mounts.get(key);
      if (known === undefined) this.#mounts.set(key, { row: this.#series(mount), mount });
      else known.mount = mount;
    }
    const points = [...mounts.values()];
    this.#local.want(points.filter((mount) => !isRemote(mount)).map(mountPointOf));
    this.#remote.want(points.filter(isRemote).map(mountPointOf));
  }

  #queueOf(mount: Mount): StatfsQueue {
    return isRemote(mount) ? this.#remote : this.#local;
  }

  #series({ device, mountPoint, fsType }: Mount): SeriesRow {
    const labels = { job: JOB_NODE, device, mountpoint: mountPoint, fstype: fsType };
    return new SeriesRow(this.#context.sink, SPECS, labels);
  }
}

function mountKey({ device, mountPoint, fsType }: Mount): string {
  return `${device}\0${mountPoint}\0${fsType}`;
}

function mountPointOf(mount: Mount): string {
  return mount.mountPoint;
}

/** What may be another machine's answer: a type that nobody here knows is. */
function isRemote({ device, fsType }: Mount): boolean {
  if (LOCAL_TYPES.test(fsType)) return false;
  return !device.startsWith("/dev/") || REMOTE_TYPES.test(fsType);
}

function isReadonly({ options }: Mount): boolean {
  return READONLY_OPTIONS.some((option) => options.has(option));
}
