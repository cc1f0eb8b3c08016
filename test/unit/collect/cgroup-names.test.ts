import { describe, expect, test } from "vitest";
import {
  cgroupKind,
  cgroupLabels,
  kindIn,
  mayWrapContainer,
} from "../../../agent/collect/cgroup/cgroup-kind.ts";
import {
  findHierarchies,
  parseMembership,
  pathInHierarchy,
} from "../../../agent/collect/cgroup/hierarchies.ts";
import { parseMountinfo } from "../../../agent/collect/proc/mounts.ts";

const ID = "0123456789abcdef".repeat(4);

describe("what a cgroup is", () => {
  test.each([
    [ID, "container"],
    [`docker-${ID}.scope`, "container"],
    [`libpod-${ID}.scope`, "container"],
    [`libpod-${ID}`, "container"],
    [`cri-containerd-${ID}.scope`, "container"],
    [`crio-${ID}.scope`, "container"],
    [`kubepods-pod1.slice:cri-containerd:${ID}`, "container"],
    [`libpod-conmon-${ID}.scope`, "monitor"],
    [`crio-conmon-${ID}.scope`, "monitor"],
    ["ssh.service", "unit"],
    ["session-1.scope", "unit"],
    ["system.slice", "group"],
    ["docker", "group"],
    [ID.slice(1), "group"],
  ])("%s is a %s", (name, kind) => {
    expect(cgroupKind(name).kind).toBe(kind);
  });

  test("podman's container is below its scope and has the scope's id", () => {
    const inner = kindIn(cgroupKind(`libpod-${ID}.scope`), `/libpod-${ID}.scope/container`);
    expect(inner).toEqual({
      kind: "container",
      containerId: ID,
      runtime: "libpod",
      isWrapped: true,
    });
    expect(mayWrapContainer(inner)).toBe(false);
  });

  test("a slice has no name, so that it is not counted with the containers in it", () => {
    expect(cgroupLabels("/system.slice", cgroupKind("system.slice"))).toEqual({
      id: "/system.slice",
    });
  });

  test("a unit that runs something is a service, a mount is none", () => {
    const labelsOf = (name: string) => cgroupLabels(`/x/${name}`, cgroupKind(name));
    expect(labelsOf("ssh.service")).toEqual({
      id: "/x/ssh.service",
      name: "ssh.service",
      service: "ssh",
    });
    expect(labelsOf("var-lib.mount")).toEqual({ id: "/x/var-lib.mount", name: "var-lib.mount" });
  });
});

describe("where the controllers are", () => {
  const mount = (point: string, type: string, options: string) =>
    `1 1 0:1 / ${point} rw - ${type} ${type} rw,${options}\n`;
  const SYSTEMD = mount("/sys/fs/cgroup/systemd", "cgroup", "name=systemd");
  const UNIFIED = mount("/sys/fs/cgroup/unified", "cgroup2", "nsdelegate");

  function where(mountinfo: string): Record<string, string> | null {
    const found = findHierarchies(parseMountinfo(mountinfo));
    if (found === null) return null;
    const places = [...found.byController].map(([name, { mountPoint }]) => [
      name,
      mountPoint.slice("/sys/fs/cgroup".length),
    ]);
    return { ...Object.fromEntries(places), primary: found.primary.mountPoint.slice(14) };
  }

  const v1 = (name: string) => mount(`/sys/fs/cgroup/${name}`, "cgroup", name);

  test.each<[string, string, ReturnType<typeof where>]>([
    [
      "all in one cgroup2 tree",
      mount("/sys/fs/cgroup", "cgroup2", "nsdelegate"),
      { memory: "", cpuacct: "", cpu: "", io: "", pids: "", psi: "", primary: "" },
    ],
    [
      "a cgroup2 tree beside v1 trees is not v2; cpu and cpuacct together in either order",
      UNIFIED + SYSTEMD + v1("cpuacct,cpu") + v1("blkio") + v1("memory"),
      {
        cpuacct: "/cpuacct,cpu",
        cpu: "/cpuacct,cpu",
        io: "/blkio",
        memory: "/memory",
        pids: "/unified",
        primary: "/memory",
      },
    ],
    [
      "cpu and cpuacct apart; a bind mount of a part of a tree is not the tree",
      `1 1 0:1 /docker/x /some/where rw - cgroup cgroup rw,cpu\n${v1("cpu")}${v1("cpuacct")}`,
      { cpu: "/cpu", cpuacct: "/cpuacct", primary: "/cpuacct" },
    ],
    ["no cgroups at all", "1 1 0:1 / /proc rw - proc proc rw\n", null],
  ])("%s", (_, mountinfo, expected) => {
    expect(where(mountinfo)).toEqual(expected);
  });
});

describe("the same cgroup in another hierarchy", () => {
  const blkio = { version: 1 as const, mountPoint: "/x", names: ["rw", "blkio"] };
  const own = `/system.slice/containerd.service/kubepods/${ID}`;

  test.each([
    ["at the same path", `10:blkio:${own}`, own],
    ["deeper, where the container divides itself", `10:blkio:${own}/init.scope`, own],
    ["elsewhere under its own name", `10:blkio:/kubepods/${ID}`, `/kubepods/${ID}`],
    ["in the root: unknown, never the root's figures", "10:blkio:/", null],
    ["in a parent: unknown", "10:blkio:/system.slice/containerd.service", null],
    ["not told", "9:memory:/elsewhere", own],
  ])("%s", (_, line, expected) => {
    expect(pathInHierarchy(own, blkio, parseMembership(`${line}\n`))).toBe(expected);
  });

  test("cgroup2's line has no name", () => {
    const unified = { version: 2 as const, mountPoint: "/x", names: [""] };
    const membership = parseMembership(`1:name=systemd:/y\n0::/a:b/${ID}\n`);
    expect(pathInHierarchy(`/q/${ID}`, unified, membership)).toBe(`/a:b/${ID}`);
  });

  test("a container that is known by its name", () => {
    const kind = kindIn({ kind: "group" }, "/lxc.payload.web");
    const known = { containerId: "web", runtime: "lxc", isWrapped: false };
    expect(kind).toEqual({ kind: "container", ...known });
  });
});
