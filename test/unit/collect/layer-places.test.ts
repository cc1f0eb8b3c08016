import { describe, expect, test } from "vitest";
import { blockFileSystems, mountOf } from "../../../agent/collect/containers/file-systems.ts";
import {
  mountedPlace,
  parseContainerList,
} from "../../../agent/collect/containers/layer-places.ts";
import { parseMountinfo } from "../../../agent/collect/proc/mounts.ts";
import { checkMutated } from "./mutated.ts";

const ID = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const OVERLAY =
  "lowerdir=/var/lib/containerd/s/1/fs,upperdir=/var/lib/containerd/s/2/fs,workdir=/w";
const MOUNTINFO = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 254:16 / /var/lib/docker rw shared:2 - xfs /dev/vdb rw
25 22 254:1 /srv /srv/again rw shared:1 - ext4 /dev/vda1 rw
26 22 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
27 22 0:50 / /mnt/fuse rw - fuse.sshfs /dev/fuse rw
28 22 0:51 / /run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/rootfs rw - overlay overlay rw,${OVERLAY}
29 22 0:52 / /tmp rw - tmpfs tmpfs rw
30 22 254:33 /@home /home rw - btrfs /dev/vdc rw,subvol=/@home
31 22 254:33 / /pool rw - btrfs /dev/vdc rw
`;
const mounts = parseMountinfo(MOUNTINFO);

test("a block device is one file system, by the mount of the whole of it", () => {
  const found = blockFileSystems(mounts).map(({ device, mountPoint }) => `${device} ${mountPoint}`);
  expect(found).toEqual(["/dev/vda1 /", "/dev/vdb /var/lib/docker", "/dev/vdc /pool"]);
});

test.each([
  ["/var/lib/docker", "/dev/vdb"],
  ["/var/lib/docker/overlay2", "/dev/vdb"],
  ["/var/lib/docker-other", "/dev/vda1"],
  ["/var/lib/containers/storage", "/dev/vda1"],
  ["/tmp/x", "tmpfs"],
])("%s is on %s", (path, device) => {
  expect(mountOf(path, mounts)?.device).toBe(device);
});

test("of two mounts on one another the last is the one", () => {
  const twice = parseMountinfo(
    `${MOUNTINFO}40 24 254:64 / /var/lib/docker rw - ext4 /dev/vdz rw\n`,
  );
  expect(mountOf("/var/lib/docker/x", twice)?.device).toBe("/dev/vdz");
});

describe("the layer that is mounted for a container", () => {
  test("is the overlay's upper directory", () => {
    const layer = "/var/lib/containerd/s/2/fs";
    expect(mountedPlace(ID, mounts)).toEqual({ storage: layer, layer });
    expect(mountedPlace(OTHER, mounts)).toBeNull();
  });

  test.each(["relative/fs", "/a/../../etc", "/with\\040space", ""])("is not %j", (upper) => {
    const text = MOUNTINFO.replace("upperdir=/var/lib/containerd/s/2/fs", `upperdir=${upper}`);
    expect(mountedPlace(ID, parseMountinfo(text))).toBeNull();
  });
});

describe("the list of a storage", () => {
  test("gives layers by container; entries of other form are left out", () => {
    const list = [
      { id: ID, layer: OTHER, names: ["web"] },
      { id: "../../etc", layer: OTHER },
      { id: OTHER, layer: "../../../etc" },
      { id: OTHER, layer: 7 },
      null,
      "text",
    ];
    expect([...parseContainerList(list)]).toEqual([[ID, OTHER]]);
  });
});

test("mutated mounts break nothing", () => {
  checkMutated(MOUNTINFO, (bytes) => {
    const found = parseMountinfo(String(bytes));
    expect(blockFileSystems(found).every(({ device }) => device.startsWith("/dev/"))).toBe(true);
    const layer = mountedPlace(ID, found)?.layer ?? null;
    expect(layer === null || /^\/(?!.*\/\.\.\/)/.test(layer)).toBe(true);
    mountOf("/var/lib/docker", found);
  });
});
