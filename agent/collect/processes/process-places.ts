import { OperationalError } from "../../../shared/errors.ts";
import { factsOfPath } from "../../containers/container-facts.ts";
import { cgroupKind } from "../cgroup/cgroup-kind.ts";
import { findHierarchies, type Hierarchy, parseMembership } from "../cgroup/hierarchies.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { readOnce } from "../kit/held-file.ts";
import { MountsFile } from "../proc/mounts.ts";

/** What whoever reads the cgroups knows of one. */
export type CgroupActivity = {
  /** Absolute, in the hierarchy in which cgroups are looked for, the host root before it. */
  readonly directory: string;
  /** Label `container` of the processes in it and below; "" where it is no container. */
  readonly containerName: string;
  /** CPU time used so far, in the unit of the kernel's count; negative: not known. */
  readonly cpu: number;
};

/** Asked once a run. */
export type ReadActivity = () => Iterable<CgroupActivity>;

/** A cgroup that processes are in. */
export type Place = {
  readonly directory: string;
  containerName: string;
  /** Whether its processes used CPU time since the last run, or may have. */
  hasRun: boolean;
  /** Of what is known of it, or of the cgroup above it. */
  cpu: number;
  /** The run that last had a process here. */
  usedInRun: number;
};

const UNKNOWN = -1;

/** Where processes are, by the directory of their cgroup. */
export class ProcessPlaces {
  readonly #context: CollectContext;
  readonly #readActivity: ReadActivity | null;
  readonly #mounts: MountsFile;
  readonly #places = new Map<string, Place>();
  #activities = new Map<string, CgroupActivity>();
  #primary: Hierarchy | null = null;
  /** The directory of the root cgroup. */
  #root = "";
  #hasSearched = false;

  /** `readActivity` null: nothing is known of cgroups but what their paths say. */
  constructor(context: CollectContext, readActivity: ReadActivity | null) {
    this.#context = context;
    this.#readActivity = readActivity;
    this.#mounts = new MountsFile(context, context.hostRoot === "/" ? "self" : "init");
  }

  /** Asks what ran, and forgets places that no process was in in the last run. */
  begin(run: number): void {
    if (!this.#hasSearched) this.#search();
    this.#activities = new Map();
    for (const activity of this.#readActivity?.() ?? []) {
      this.#activities.set(activity.directory, activity);
    }
    for (const [key, place] of this.#places) {
      if (place.usedInRun < run - 1) this.#places.delete(key);
      else this.#refresh(place);
    }
  }

  /** Where the process is now; null when it cannot be told. */
  placeOf(pid: number): Place | null {
    const path = hostPath(this.#context, `/proc/${pid}/cgroup`);
    const text = readOnce(path, this.#context.buffer);
    return text === null ? null : this.#placeAt(this.#pathIn(parseMembership(text)));
  }

  close(): void {
    this.#mounts.close();
  }

  #search(): void {
    this.#hasSearched = true;
    try {
      this.#primary = findHierarchies(this.#mounts.read())?.primary ?? null;
      this.#root = hostPath(this.#context, this.#primary?.mountPoint ?? "/");
    } catch (error) {
      // Without a list of mounts there are no cgroups to be in.
      if (!(error instanceof OperationalError)) throw error;
    }
  }

  #pathIn(membership: ReadonlyMap<string, string>): string {
    const name = this.#primary?.names.find((candidate) => membership.has(candidate)) ?? "";
    return membership.get(name) ?? "/";
  }

  #placeAt(path: string): Place {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const place: Place = {
      directory: path === "/" ? this.#root : `${this.#root}${path}`,
      containerName: containerIn(path),
      hasRun: true,
      cpu: UNKNOWN,
      usedInRun: 0,
    };
    this.#places.set(path, place);
    this.#refresh(place);
    return place;
  }

  #refresh(place: Place): void {
    const activity = this.#activityOf(place.directory);
    const cpu = activity?.cpu ?? UNKNOWN;
    place.hasRun = cpu < 0 || cpu !== place.cpu;
    place.cpu = cpu;
    if (activity !== null && activity.containerName !== "") {
      place.containerName = activity.containerName;
    }
  }

  /**
   * Of the cgroup, or of the nearest above it: what is below a container is not listed. Not of the
   * root, in which something always runs.
   */
  #activityOf(directory: string): CgroupActivity | null {
    if (this.#activities.size === 0) return null;
    const root = this.#root;
    for (let at = directory; at.length > root.length; at = at.slice(0, at.lastIndexOf("/"))) {
      const activity = this.#activities.get(at);
      if (activity !== undefined) return activity;
    }
    return null;
  }
}

/** As the cgroup's own series are named without a runtime; "" outside containers. */
function containerIn(path: string): string {
  for (const name of path.split("/")) {
    const kind = cgroupKind(name);
    if (kind.kind === "monitor") return "";
    if (kind.kind === "container") return factsOfPath(kind.containerId, kind.runtime, path).name;
  }
  return "";
}
