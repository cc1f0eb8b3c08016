import { join } from "node:path";
import { BackgroundCollector } from "../background.ts";
import { type Collector, gauge } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import type { Reading } from "../kit/reading.ts";
import { type AskSpace, loadAskSpace, type Space, StatfsQueue } from "../kit/statfs.ts";
import { type Mount, MountsFile } from "./mounts.ts";

/** In the order of a `Space`. */
const SPACE_SPECS = [
  gauge("node_filesystem_size_bytes", "Size of the file system."),
  gauge("node_filesystem_free_bytes", "Free bytes, those kept for root included."),
  gauge("node_filesystem_avail_bytes", "Free bytes for those who are not root."),
  gauge("node_filesystem_files", "Files that there may be."),
  gauge("node_filesystem_files_free", "Files that may still be made."),
];
const READONLY = gauge("node_filesystem_readonly", "Whether the file system is mounted read-only.");
const DEVICE_ERROR = gauge(
  "node_filesystem_device_error",
  "Whether the file system could not be asked, or in time.",
);
const SPECS = [...SPACE_SPECS, READONLY, DEVICE_ERROR];

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
/** Two calls that hang, one after the other, end within it. */
const TIMEOUT_MS = 15_000;
const MOUNTS_MAX = 1000;

/**
 * Space and files of every file system, asked every 5 s in the background: statfs(2) on the mount of
 * a dead server does not return.
 *
 * A call that hangs keeps one of Node's four pool threads for good, and the agent's own disk needs
 * them too: so local and remote file systems have a queue each, with one call at a time; in the
 * remote one a second call is let past one that hangs.
 */
export function filesystemCollector(
  context: CollectContext,
  ask: AskSpace = loadAskSpace(),
): Collector {
  const file = new MountsFile(context, "init");
  const askHost = (mountPoint: string) => ask(join(context.hostRoot, mountPoint));
  const local = new StatfsQueue(askHost, 1, context.clock);
  const remote = new StatfsQueue(askHost, 2, context.clock);
  return new BackgroundCollector(context, {
    name: "filesystem",
    specs: SPECS,
    seriesMax: MOUNTS_MAX * SPECS.length,
    intervalMs: REFRESH_MS,
    timeoutMs: TIMEOUT_MS,
    hasOwnQueue: true,
    read: async (_, reading) => {
      const mounts = wantedMounts(file, reading);
      const pointsOf = (isWanted: (mount: Mount) => boolean) =>
        mounts.filter(isWanted).map(({ mountPoint }) => mountPoint);
      const [ofLocal, ofRemote] = await Promise.all([
        local.askAll(pointsOf((mount) => !isRemote(mount))),
        remote.askAll(pointsOf(isRemote)),
      ]);
      for (const mount of mounts) {
        const answers = isRemote(mount) ? ofRemote : ofLocal;
        setMount(mount, answers.get(mount.mountPoint) ?? null, reading);
      }
    },
    close: () => file.close(),
  });
}

function wantedMounts(file: MountsFile, reading: Reading): readonly Mount[] {
  const mounts = new Map<string, Mount>();
  for (const mount of file.read()) {
    const { device, mountPoint, fsType } = mount;
    if (EXCLUDED_TYPES.has(fsType) || EXCLUDED_MOUNT_POINTS.test(mountPoint)) continue;
    if (mounts.size < MOUNTS_MAX) mounts.set(`${device}\0${mountPoint}\0${fsType}`, mount);
    else reading.overflow += 1;
  }
  reading.overflow += file.leftOut;
  return [...mounts.values()];
}

function setMount(mount: Mount, space: Space | null, reading: Reading): void {
  const labels = { device: mount.device, mountpoint: mount.mountPoint, fstype: mount.fsType };
  for (const [index, spec] of SPACE_SPECS.entries()) {
    reading.setCount(spec, labels, space?.[index] ?? ABSENT);
  }
  const isReadonly = READONLY_OPTIONS.some((option) => mount.options.has(option));
  reading.set(READONLY, labels, isReadonly ? 1 : 0);
  reading.set(DEVICE_ERROR, labels, space === null ? 1 : 0);
}

/** What may be another machine's answer: a type that nobody here knows is. */
function isRemote({ device, fsType }: Mount): boolean {
  if (LOCAL_TYPES.test(fsType)) return false;
  return !device.startsWith("/dev/") || REMOTE_TYPES.test(fsType);
}
