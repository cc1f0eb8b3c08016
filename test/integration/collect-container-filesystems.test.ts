import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldOnce } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  ContainerFilesystems,
  type FilesystemPorts,
} from "../../agent/collect/containers/container-filesystems.ts";
import { ENTRIES_MAX, type OpenDirectory } from "../../agent/collect/containers/layer-walk.ts";
import { spaceOf } from "../../agent/collect/kit/statfs.ts";
import { type ContainerFacts, factsFrom } from "../../agent/containers/container-facts.ts";
import { OperationalError } from "../../shared/errors.ts";
import { HostOnDisk } from "./host-on-disk.ts";

const START_MS = 1_782_000_000_000;
const ID = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const LAYER = "12".repeat(32);
const GIB = 1024 ** 3;
const MOUNTS = `22 1 254:1 / / rw - ext4 /dev/vda1 rw
24 22 254:16 / /var/lib/docker rw - xfs /dev/vdb rw
29 22 0:52 / /tmp rw - tmpfs tmpfs rw
`;
const DOCKER_LAYER = `var/lib/docker/overlay2/${LAYER}/diff`;

function container(known: Partial<ContainerFacts>, cgroupPath = `/docker/${known.id ?? ID}`) {
  const base = { source: "docker-socket", runtime: "docker", id: ID, state: "running" } as const;
  return { facts: factsFrom({ ...base, name: "web", image: "nginx:1", ...known }), cgroupPath };
}

type Options = { readonly mounts?: string } & FilesystemPorts;

/** A host with these mounts; sizes of its file systems are made up, everything else is read. */
class Bed extends HostOnDisk {
  readonly asked: string[] = [];
  readonly layer = join(this.root, DOCKER_LAYER);
  nowMs = START_MS;
  readonly #directory = {
    changes: 0,
    told: [] as ReturnType<typeof container>[],
    *containers() {
      yield* this.told;
    },
  };
  readonly #collector;

  constructor({ mounts = MOUNTS, ...ports }: Options = {}) {
    super({ "proc/1/mountinfo": mounts });
    const statfs = async (path: string) => this.#statfs(path);
    const all = { statfs, questionsPerSecond: 15, ...ports };
    this.#collector = new ContainerFilesystems(this.#directory, this.context, all);
    onTestFinished(() => this.close());
  }

  tell(...containers: ReturnType<typeof container>[]): void {
    this.#directory.told = containers;
    this.#directory.changes += 1;
  }

  close(): void {
    this.#collector.close();
  }

  collect(afterMs: number): Record<string, number> {
    this.nowMs += afterMs;
    return Object.fromEntries(this.sink.tick(this.#collector, this.nowMs));
  }

  /** Ticks each second until everything was read that is due; the last tick's values. */
  async run(ticks = 5, stepMs = 1000): Promise<Record<string, number>> {
    for (let i = 0; i < ticks; i += 1) {
      this.collect(stepMs);
      await this.context.background.settled();
    }
    return this.collect(0);
  }

  #statfs(path: string) {
    this.asked.push(path.slice(this.root.length));
    const scale = path.endsWith("docker") ? 10n : 1n;
    const blocks = 262_144n * scale; // 1 GiB
    const free = blocks / 4n;
    return spaceOf(4096n, [blocks, free, 1n, 1000n * scale, 900n]);
  }
}

/** With a container of Docker's that has written 110 kB. */
function dockerBed(options: Options = {}): Bed {
  const bed = new Bed(options);
  bed.write(`var/lib/docker/image/overlay2/layerdb/mounts/${ID}/mount-id`, LAYER);
  bed.write(`${DOCKER_LAYER}/etc/conf`, "x".repeat(10_000));
  bed.write(`${DOCKER_LAYER}/var/log/app.log`, "x".repeat(100_000));
  bed.tell(container({}));
  return bed;
}

function diskUsage(path: string): number {
  const stat = lstatSync(path);
  const own = stat.blocks * 512;
  if (!stat.isDirectory()) return own;
  return readdirSync(path).reduce((sum, name) => sum + diskUsage(join(path, name)), own);
}

const series = (metric: string, labels: string) =>
  `container_fs_${metric}{${labels}, job="cadvisor"}`;
const own = (device: string, id = `/docker/${ID}`) =>
  `device="${device}", id="${id}", image="nginx:1", job="cadvisor", name="web", service="web"`;
const usageOf = (values: Record<string, number>, device = "/dev/vdb", id?: string) =>
  values[`container_fs_usage_bytes{${own(device, id)}}`];

describe("the host's file systems", () => {
  test("are those on block devices, under the root cgroup's id", async () => {
    const bed = new Bed();
    const values = await bed.run(1);
    const vda = 'device="/dev/vda1", id="/"';
    const vdb = 'device="/dev/vdb", id="/"';
    expect(values).toEqual({
      [series("usage_bytes", vda)]: 0.75 * GIB,
      [series("limit_bytes", vda)]: GIB,
      [series("inodes_free", vda)]: 900,
      [series("inodes_total", vda)]: 1000,
      [series("usage_bytes", vdb)]: 7.5 * GIB,
      [series("limit_bytes", vdb)]: 10 * GIB,
      [series("inodes_free", vdb)]: 900,
      [series("inodes_total", vdb)]: 10_000,
    });
  });

  test("are asked once in 30 s, each once however many containers are on it", async () => {
    const bed = dockerBed();
    bed.tell(container({}), container({ id: OTHER, name: "two" }));
    await bed.run(29);
    expect(bed.asked.sort()).toEqual(["/", "/var/lib/docker"]);
    await bed.run(30);
    expect(bed.asked.length).toBe(4);
  });

  test("mounted in two places are one, also where a runtime's storage is the second", async () => {
    const bed = dockerBed({
      mounts: MOUNTS.replace("254:16 / /var", "254:1 /d /var").replace("vdb", "vda1"),
    });
    expect(usageOf(await bed.run(), "/dev/vda1")).toBeGreaterThan(110_000);
    expect(bed.asked).toHaveLength(1);
    expect(bed.sink.liveCount).toBe(8);
  });

  test("one that is gone ends, one that does not answer has no values", async () => {
    let isBroken = false;
    const ask = async (path: string) => {
      if (isBroken && path.endsWith("docker")) throw new OperationalError("UNAVAILABLE", "gone");
      return spaceOf(1n, [10n, 4n, 4n, 0n, 0n]);
    };
    const bed = new Bed({ statfs: ask });
    expect(Object.keys(await bed.run(2))).toHaveLength(8);
    isBroken = true;
    expect(Object.keys(await bed.run(2, 30_000)).every((name) => name.includes("/dev/vda1"))).toBe(
      true,
    );
    bed.write("proc/1/mountinfo", "24 22 254:16 / / rw - xfs /dev/vdc rw\n");
    const later = Object.keys(await bed.run(2, 30_000));
    expect(later).toHaveLength(4);
    expect(later.every((name) => name.includes("/dev/vdc"))).toBe(true);
  });

  test("without a list of mounts the collector fails, tick after tick", () => {
    const bed = new Bed();
    bed.remove("proc");
    expect(() => bed.collect(0)).toThrow("No list of mounts");
    expect(() => bed.collect(1000)).toThrow("No list of mounts");
  });
});

describe("what a container has written", () => {
  test("is the size of its layer, on the file system of its runtime's storage", async () => {
    const bed = dockerBed();
    const values = await bed.run();
    expect(usageOf(values)).toBe(diskUsage(bed.layer));
    expect(usageOf(values)).toBeGreaterThan(110_000);
    expect(values[`container_fs_limit_bytes{${own("/dev/vdb")}}`]).toBe(10 * GIB);
    expect(values[`container_fs_inodes_free{${own("/dev/vdb")}}`]).toBe(900);
    expect(values[`container_fs_inodes_total{${own("/dev/vdb")}}`]).toBe(10_000);
    expect(bed.faultCounts()).toEqual({});
  });

  test("counts no link's target, and a file with two names once", async () => {
    const bed = dockerBed();
    bed.write("secret/big", "x".repeat(1_000_000));
    symlinkSync(join(bed.root, "secret"), join(bed.layer, "to-directory"));
    symlinkSync(join(bed.root, "secret/big"), join(bed.layer, "to-file"));
    const again = join(bed.layer, "etc/again");
    linkSync(join(bed.layer, "var/log/app.log"), again);
    const once = lstatSync(again).blocks * 512;
    expect(usageOf(await bed.run())).toBe(diskUsage(bed.layer) - once);
  });

  test("counts what lies under a name that is not UTF-8", async () => {
    const bed = dockerBed();
    const odd = Buffer.from(`${bed.layer}/b\xe4r`, "latin1");
    mkdirSync(odd);
    const before = diskUsage(join(bed.layer, "etc"));
    writeFileSync(Buffer.concat([odd, Buffer.from("/file")]), "x".repeat(50_000));
    const rest = diskUsage(join(bed.layer, "var"));
    expect(usageOf(await bed.run())).toBeGreaterThanOrEqual(before + rest + 50_000);
  });

  test("is none where the layer itself is a link", async () => {
    const bed = dockerBed();
    bed.write("secret/big", "x".repeat(1_000_000));
    bed.remove(DOCKER_LAYER);
    symlinkSync(join(bed.root, "secret"), bed.layer);
    const values = await bed.run();
    expect(usageOf(values)).toBeUndefined();
    expect(values[`container_fs_limit_bytes{${own("/dev/vdb")}}`]).toBe(10 * GIB);
  });

  test("is found in a storage that a link has put elsewhere", async () => {
    const bed = dockerBed({ mounts: MOUNTS.replace("/var/lib/docker", "/data/docker") });
    mkdirSync(join(bed.root, "data"));
    const path = join(bed.root, "var/lib/docker");
    symlinkSync("/data/docker", `${path}-link`);
    renameSync(path, join(bed.root, "data/docker"));
    renameSync(`${path}-link`, path);
    expect(usageOf(await bed.run())).toBeGreaterThan(110_000);
  });

  test("is found where Docker's own configuration puts it", async () => {
    const bed = new Bed();
    bed.write("etc/docker/daemon.json", '{"data-root": "/srv/docker"}');
    bed.write(`srv/docker/image/overlay2/layerdb/mounts/${ID}/mount-id`, `${LAYER}\n`);
    bed.write(`srv/docker/overlay2/${LAYER}/diff/file`, "x".repeat(5000));
    bed.tell(container({}));
    expect(usageOf(await bed.run(), "/dev/vda1")).toBeGreaterThan(5000);
  });

  test("is not looked for along what a file of Docker should not hold", async () => {
    const bed = dockerBed();
    bed.write(`var/lib/docker/image/overlay2/layerdb/mounts/${ID}/mount-id`, "../../../../secret");
    bed.write("secret/diff/big", "x".repeat(1_000_000));
    expect(usageOf(await bed.run())).toBeUndefined();
  });

  test("is found by Podman's list, and a user's list does not speak for others", async () => {
    const bed = new Bed();
    const storage = "var/lib/containers/storage";
    const user = "home/eve/.local/share/containers/storage";
    bed.write(
      `${storage}/overlay-containers/containers.json`,
      `[{"id":"${ID}","layer":"${LAYER}"}]`,
    );
    bed.write(`${storage}/overlay/${LAYER}/diff/file`, "x".repeat(5000));
    const stolen = `[{"id":"${ID}","layer":"${OTHER}"},{"id":"${OTHER}","layer":"${OTHER}"}]`;
    bed.write(`${user}/overlay-containers/volatile-containers.json`, stolen);
    bed.write(`${user}/overlay/${OTHER}/diff/file`, "x".repeat(90_000));
    const podman = { runtime: "podman", source: "podman-socket" } as const;
    const rootless = container({ ...podman, id: OTHER }, "/user.slice/two");
    bed.tell(container(podman, "/one"), rootless);
    const values = await bed.run();
    expect(usageOf(values, "/dev/vda1", "/one")).toBeLessThan(90_000);
    expect(usageOf(values, "/dev/vda1", "/one")).toBeGreaterThan(5000);
    expect(usageOf(values, "/dev/vda1", "/user.slice/two")).toBeGreaterThan(90_000);
  });

  test("has the size of a file system that is on no block device, too", async () => {
    const bed = dockerBed({ mounts: MOUNTS.replace("/dev/vdb", "tank/docker") });
    const values = await bed.run(3);
    expect(values[`container_fs_limit_bytes{${own("tank/docker")}}`]).toBe(10 * GIB);
    expect(bed.sink.liveCount).toBe(8);
  });

  test("is found for containerd by what is mounted", async () => {
    const upper = "/var/lib/containerd/snapshots/2/fs";
    const point = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/rootfs`;
    const overlay = `28 22 0:51 / ${point} rw - overlay overlay rw,lowerdir=/l,upperdir=${upper}\n`;
    const bed = new Bed({ mounts: MOUNTS + overlay });
    bed.write(`${upper}/file`, "x".repeat(5000));
    bed.tell(container({ runtime: "containerd", source: "cri-config" }));
    expect(usageOf(await bed.run(), "/dev/vda1")).toBeGreaterThan(5000);
  });
});

describe("the series of a container", () => {
  test("end with it, and where it never ran there are none", async () => {
    const bed = dockerBed();
    bed.tell(container({}), container({ id: OTHER, state: "created" }, ""));
    expect(usageOf(await bed.run())).toBeGreaterThan(0);
    expect(bed.sink.liveCount).toBe(12);
    bed.tell(container({ state: "exited" }));
    expect(usageOf(await bed.run(1))).toBeUndefined();
    expect(bed.sink.liveCount).toBe(8);
  });

  test("are there at once when it is started again, and nothing is walked for that", async () => {
    const { disk, counts } = memoryLayer(3);
    const bed = dockerBed({ disk });
    const before = usageOf(await bed.run());
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 10; i += 1) {
      bed.tell(container({ state: "exited" }, ""));
      expect(usageOf(await bed.run(1))).toBeUndefined();
      bed.tell(container({}));
      expect(usageOf(bed.collect(1000))).toBe(before);
    }
    expect(counts.opened).toBe(1);
  });

  test("bear the container labels that were chosen", async () => {
    const bed = dockerBed({ chosenLabels: ["team"] });
    bed.tell(container({ labels: { team: "a", other: "b" } }));
    const names = Object.keys(await bed.run()).filter((name) => name.includes("web"));
    expect(names).toHaveLength(4);
    expect(names.every((name) => name.includes('container_label_team="a"'))).toBe(true);
    expect(names.some((name) => name.includes("other"))).toBe(false);
  });

  test("are of the file system that is mounted there now", async () => {
    const bed = dockerBed();
    await bed.run();
    bed.write("proc/1/mountinfo", MOUNTS.replace("/dev/vdb", "/dev/vdz"));
    const values = await bed.run(2, 30_000);
    expect(usageOf(values)).toBeUndefined();
    expect(usageOf(values, "/dev/vdz")).toBeGreaterThan(110_000);
  });

  test("take their values along when it moves to another cgroup", async () => {
    const bed = dockerBed();
    const before = usageOf(await bed.run());
    bed.tell(container({}, "/elsewhere"));
    const values = bed.collect(1000);
    expect(usageOf(values)).toBeUndefined();
    expect(usageOf(values, "/dev/vdb", "/elsewhere")).toBe(before);
  });
});

/** A layer in memory with so many files of one byte each; counts what is asked. */
function memoryLayer(files: number) {
  const counts = { opened: 0, closed: 0, questions: 0 };
  const open = async (): Promise<OpenDirectory> => {
    counts.opened += 1;
    counts.questions += 5;
    let next = 0;
    return {
      device: 1,
      inode: 1,
      bytes: 0,
      nextName: async () => (next < files ? `f${next++}` : null),
      stat: async () => {
        counts.questions += 1;
        return { isDirectory: false, device: 1, inode: 2 + next, links: 1, bytes: 1 };
      },
      close: async () => {
        counts.closed += 1;
      },
    };
  };
  return { disk: { open }, counts };
}

describe("what walking costs", () => {
  test("is at most 15 questions a second, however many containers there are", async () => {
    const { disk, counts } = memoryLayer(400);
    const find = async () => ({ storage: "/var/lib/docker", layer: "/layer" });
    const bed = dockerBed({ disk, places: { find } });
    bed.tell(container({}), container({ id: OTHER }), container({ id: LAYER }));
    await bed.run(60);
    expect(counts.questions).toBeLessThanOrEqual(150 + 60 * 15 + 5);
    expect(counts.questions).toBeGreaterThan(60 * 15);
    await bed.run(60, 60_000);
    expect(counts.opened).toBeGreaterThan(3);
    expect(counts.questions).toBeLessThanOrEqual(150 + 60 * 15 + 5 + 60 * (150 + 5));
  });

  test("is nothing for five minutes after a layer was walked through", async () => {
    const bed = dockerBed();
    const before = usageOf(await bed.run()) ?? 0;
    bed.write(`${DOCKER_LAYER}/new`, "x".repeat(500_000));
    expect(usageOf(await bed.run(28, 10_000))).toBe(before);
    expect(usageOf(await bed.run(3, 10_000))).toBeGreaterThanOrEqual(before + 500_000);
  });

  test("a layer that is too large has no size, is counted, and is left alone for an hour", async () => {
    const { disk, counts } = memoryLayer(Number.POSITIVE_INFINITY);
    const bed = dockerBed({ disk });
    await bed.run(Math.ceil(ENTRIES_MAX / 150) + 2, 10_000);
    expect(counts).toMatchObject({ opened: 1, closed: 1 });
    expect(usageOf(bed.collect(0))).toBeUndefined();
    expect(bed.faultCounts()).toEqual({ limit: 1 });
    await bed.run(20, 60_000);
    expect(counts.opened).toBe(1);
    await bed.run(40, 60_000);
    expect(counts.opened).toBe(2);
  });

  test("a directory is not left open when the collector is closed in the middle", async () => {
    const { disk, counts } = memoryLayer(5000);
    const bed = dockerBed({ disk });
    await bed.run(3);
    expect(counts).toMatchObject({ opened: 1, closed: 0 });
    bed.close();
    await yieldOnce();
    expect(counts.closed).toBe(1);
  });

  test("a cgroup that no runtime tells of is not looked for in their files", async () => {
    const asked: string[] = [];
    const find = async (id: string) => {
      asked.push(id);
      return null;
    };
    const bed = new Bed({ places: { find } });
    bed.tell(container({ source: "cgroup", id: OTHER }), container({}));
    await bed.run();
    expect(asked).toEqual([ID]);
  });

  test("a container that ends in the middle of its walk makes room for the next", async () => {
    const { disk, counts } = memoryLayer(5000);
    const bed = dockerBed({ disk });
    await bed.run(3);
    bed.tell();
    await bed.run(3);
    expect(counts).toMatchObject({ opened: 1, closed: 1 });
  });
});

describe("a disk that hangs", () => {
  test("holds no tick; the collector fails after 5 s and is well again when it answers", async () => {
    let answer = (): void => undefined;
    const disk = {
      open: () =>
        new Promise<null>((resolve) => {
          answer = () => resolve(null);
        }),
    };
    const bed = dockerBed({ disk });
    for (let i = 0; i < 6; i += 1) {
      bed.collect(800);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(() => bed.collect(5000)).toThrow("Reading has not ended within 5 s");
    answer();
    await bed.context.background.settled();
    const values = await bed.run(2);
    expect(values[series("limit_bytes", 'device="/dev/vda1", id="/"')]).toBe(GIB);
  });

  test("an error that nobody foresaw fails the collector until the next reading", async () => {
    const disk = { open: () => Promise.reject(new Error("unforeseen")) };
    const bed = dockerBed({ disk });
    await expect(bed.run(3)).rejects.toThrow("Reading failed: unforeseen");
    bed.nowMs += 30_000;
    await bed.context.background.settled();
    expect(() => bed.collect(0)).toThrow("unforeseen");
    await bed.context.background.settled();
    expect(Object.keys(bed.collect(1000))).not.toEqual([]);
  });
});
