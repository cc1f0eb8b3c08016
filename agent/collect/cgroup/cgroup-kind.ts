import { unitServiceLabel } from "../../containers/service-name.ts";
import { systemContainer } from "../containers/system-container.ts";

/**
 * What a cgroup is, by its directory's name:
 * - container: of a container runtime; what is below it is its own affair
 * - unit: a systemd unit with processes of its own (service, scope, …)
 * - group: holds others: a slice, `docker`, `kubepods`, a pod
 * - monitor: the process that watches a container, not the container
 */
export type CgroupKind =
  | {
      readonly kind: "container";
      /** 64 hexadecimal digits; of LXC and nspawn, which have none, the name. */
      readonly containerId: string;
      readonly runtime: string;
      readonly isWrapped: boolean;
    }
  | { readonly kind: "unit"; readonly unit: string }
  | { readonly kind: "group" }
  | { readonly kind: "monitor" };

/**
 * `<id>`, `docker-<id>.scope`, `libpod-<id>`, `cri-containerd-<id>.scope`, `crio-<id>.scope`, and
 * `…:cri-containerd:<id>`, which containerd makes when it and the kubelet disagree on the driver.
 */
const CONTAINER = /^(?:(.*)[-:])?([0-9a-f]{64})(?:\.scope)?$/;
const MONITOR = /conmon-[0-9a-f]{64}(?:\.scope)?$/;
const UNIT = /\.(?:service|scope|socket|mount|swap)$/;

export function cgroupKind(name: string): CgroupKind {
  if (MONITOR.test(name)) return { kind: "monitor" };
  const [, prefix, containerId] = CONTAINER.exec(name) ?? [];
  if (containerId !== undefined) {
    const runtime = (prefix ?? "").split(":").at(-1) ?? "";
    return { kind: "container", containerId, runtime, isWrapped: false };
  }
  if (UNIT.test(name)) return { kind: "unit", unit: name };
  return { kind: "group" };
}

/**
 * Podman and CRI-O with crun may put the container one below its scope, in `container`, and the
 * limits with it.
 */
export function mayWrapContainer(kind: CgroupKind): boolean {
  return kind.kind === "container" && !kind.isWrapped && /^(?:libpod|crio)$/.test(kind.runtime);
}

export const WRAPPED_CONTAINER = "container";

/** What the last directory of `path`, in a cgroup of the kind `parent`, is. */
export function kindIn(parent: CgroupKind, path: string): CgroupKind {
  const isWrapped = parent.kind === "container" && mayWrapContainer(parent);
  if (isWrapped) return { ...parent, isWrapped };
  const system = systemContainer(path);
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (system === null) return cgroupKind(name);
  if (system.isMonitor) return { kind: "monitor" };
  return { kind: "container", containerId: system.name, runtime: system.runtime, isWrapped };
}

/**
 * The labels that tell cgroups apart. Groups have no name, so that `name!=""` never counts a
 * container and the slice around it. What a container is called its runtime knows.
 */
export function cgroupLabels(path: string, kind: CgroupKind): Readonly<Record<string, string>> {
  if (kind.kind !== "unit") return { id: path };
  return { id: path, name: kind.unit, ...unitServiceLabel(kind.unit) };
}
