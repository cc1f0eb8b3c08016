import type { Mount } from "../proc/mounts.ts";

/** `io` is blkio on v1. `psi`, pressure, is no controller, but is where cgroup2 is all there is. */
export type Controller = "cpu" | "cpuacct" | "memory" | "io" | "pids" | "psi";

/** One mounted tree of cgroups. */
export type Hierarchy = {
  readonly version: 1 | 2;
  /** Where the tree's root cgroup is mounted, as the host sees it. */
  readonly mountPoint: string;
  /** Among them, what the second field of its line in /proc/PID/cgroup says: "" for cgroup2. */
  readonly names: readonly string[];
};

export type Hierarchies = {
  readonly byController: ReadonlyMap<Controller, Hierarchy>;
  /** In this one the cgroups are looked for. */
  readonly primary: Hierarchy;
  /** All controllers are in one tree, so that every path holds for all. */
  readonly isUnified: boolean;
};

/** The names on v1; where several trees could be the primary one, the first is. */
const V1_CONTROLLERS: readonly (readonly [option: string, controller: Controller])[] = [
  ["memory", "memory"],
  ["cpuacct", "cpuacct"],
  ["cpu", "cpu"],
  ["blkio", "io"],
  ["pids", "pids"],
];
const SYSTEMD = "name=systemd";

/**
 * Where each controller lives. Only the mounts tell: a hybrid host has a cgroup2 tree without
 * controllers beside the v1 trees; cpu and cpuacct are one tree or two, under any name; and a
 * controller that no v1 tree took may be in the cgroup2 tree. Null when no cgroups are mounted.
 */
export function findHierarchies(mounts: readonly Mount[]): Hierarchies | null {
  // A bind mount of a part of a tree is not the tree.
  const whole = mounts.filter(({ root }) => root === "/");
  const v1 = whole.filter(({ fsType }) => fsType === "cgroup").map(hierarchyOf);
  const unified = whole.filter(({ fsType }) => fsType === "cgroup2").map(hierarchyOf)[0] ?? null;
  const byController = new Map<Controller, Hierarchy>();
  for (const [name, controller] of V1_CONTROLLERS) {
    const hierarchy = v1.find(({ names }) => names.includes(name));
    if (hierarchy !== undefined) byController.set(controller, hierarchy);
  }
  const [first] = byController.values();
  const isUnified = unified !== null && first === undefined;
  const primary = first ?? unified ?? v1.find(({ names }) => names.includes(SYSTEMD)) ?? null;
  if (primary === null) return null;
  if (unified !== null) {
    for (const [, controller] of V1_CONTROLLERS) {
      if (!byController.has(controller)) byController.set(controller, unified);
    }
    // Beside v1 trees it has pressure files too, but those would cost as much as all the rest.
    if (isUnified) byController.set("psi", unified);
  }
  return { byController, primary, isUnified };
}

function hierarchyOf({ fsType, mountPoint, options }: Mount): Hierarchy {
  const isV2 = fsType === "cgroup2";
  return { version: isV2 ? 2 : 1, mountPoint, names: isV2 ? [""] : [...options] };
}

/**
 * The path in each hierarchy of the cgroup a process is in, from /proc/PID/cgroup: lines
 * `number:controllers:path`. Source: cgroups(7).
 */
export function parseMembership(text: string): Map<string, string> {
  const pathByName = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, names, ...path] = line.split(":");
    if (names === undefined || path.length === 0) continue;
    for (const name of names.split(",")) pathByName.set(name, path.join(":"));
  }
  return pathByName;
}

/**
 * The path of the cgroup `ownPath` in another hierarchy, from what one of its processes says. Null
 * when the process is not in a cgroup of its own there: what stands in a parent, or in the root, is
 * not this cgroup's. A process may be deeper there than here.
 */
export function pathInHierarchy(
  ownPath: string,
  hierarchy: Hierarchy,
  membership: ReadonlyMap<string, string>,
): string | null {
  const name = hierarchy.names.find((candidate) => membership.has(candidate));
  const path = name === undefined ? undefined : membership.get(name);
  if (path === undefined) return ownPath;
  if (path === ownPath || path.startsWith(`${ownPath}/`)) return ownPath;
  const last = ownPath.slice(ownPath.lastIndexOf("/"));
  if (last === "/") return ownPath;
  const end = `${path}/`.indexOf(`${last}/`);
  return end < 0 ? null : path.slice(0, end + last.length);
}
