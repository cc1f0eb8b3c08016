import type { ContainerNetwork } from "./container-network.ts";
import { cleanText, TEXT_CHARACTERS_MAX } from "./hostile-json.ts";
import { containerService } from "./service-name.ts";

/** Where the facts come from: the label `source` of `telltale_container_info`. */
export type FactsSource =
  | "docker-socket"
  | "podman-socket"
  | "docker-config"
  | "podman-config"
  | "conmon"
  | "cri-config"
  | "cgroup";

export type Health = "none" | "starting" | "healthy" | "unhealthy";

/** Where Kubernetes' names are not known, the uid that the cgroup's path tells may still be. */
export type Pod = {
  readonly name: string;
  readonly namespace: string;
  readonly container: string;
  readonly uid: string;
};

/** OOM events that a runtime sent while the agent listened. */
export type OomEvents = {
  readonly events: number;
  /** How many runs of the container, from a start to the next, had an event. */
  readonly runs: number;
};

/** What is known of a container. Texts are bounded and without control characters; "": unknown. */
export type ContainerFacts = {
  readonly source: FactsSource;
  /** docker, podman, containerd, crio, lxc, nspawn; "" where the path does not tell. */
  readonly runtime: string;
  readonly id: string;
  readonly name: string;
  /** As it was asked for when the container was made. */
  readonly image: string;
  /** Of the manifest where the runtime tells it, otherwise the image's id; `sha256:…`. */
  readonly imageDigest: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: Pod | null;
  /** created, running, paused, restarting, removing, exited, dead, unknown; null: not told. */
  readonly state: string | null;
  readonly restarts: number | null;
  readonly health: Health | null;
  /** Of the last end; null: it has not ended, or that was not seen. */
  readonly lastExitCode: number | null;
  readonly isOomKilled: boolean | null;
  /** Null: the runtime sends none. */
  readonly oomEvents: OomEvents | null;
  /** Null: not told. */
  readonly network: ContainerNetwork | null;
};

type Known = Partial<ContainerFacts> & Pick<ContainerFacts, "source" | "runtime" | "id">;

/** Facts with everything that is not `known` unknown; a pod may be taken from the labels. */
export function factsFrom(known: Known): ContainerFacts {
  const { labels = {} } = known;
  return {
    name: "",
    image: "",
    imageDigest: "",
    state: null,
    restarts: null,
    health: null,
    lastExitCode: null,
    isOomKilled: null,
    oomEvents: null,
    network: null,
    ...known,
    labels,
    pod: known.pod ?? podOfLabels(labels),
  };
}

function podOfLabels(labels: Readonly<Record<string, string>>): Pod | null {
  const of = (name: string) => labels[`io.kubernetes.${name}`] ?? "";
  const name = of("pod.name");
  if (name === "") return null;
  const namespace = of("pod.namespace");
  return { name, namespace, container: of("container.name"), uid: of("pod.uid") };
}

const POD_UID = /[/-]pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=[./]|$)/;

/** What the path of a kubelet's cgroup tells: no names, but the pod's uid. */
export function podOfPath(cgroupPath: string): Pod | null {
  const uid = POD_UID.exec(cgroupPath)?.[1];
  if (uid === undefined) return null;
  return { name: "", namespace: "", container: "", uid: uid.replaceAll("_", "-") };
}

/** What runtimes name containers, images and layers by. */
export const FULL_ID = /^[0-9a-f]{64}$/;
const SHORT_ID = 12;

/** What is known when nobody but the path could be asked. */
export function factsOfPath(id: string, runtimeHint: string, cgroupPath: string): ContainerFacts {
  return factsFrom({
    source: "cgroup",
    runtime: runtimeOf(runtimeHint, cgroupPath),
    id,
    name: FULL_ID.test(id) ? id.slice(0, SHORT_ID) : cleanText(id),
    pod: podOfPath(cgroupPath),
    state: "running",
  });
}

const RUNTIMES: ReadonlyMap<string, string> = new Map([
  ["docker", "docker"],
  ["libpod", "podman"],
  ["cri-containerd", "containerd"],
  ["nerdctl", "containerd"],
  ["crio", "crio"],
  ["lxc", "lxc"],
  ["nspawn", "nspawn"],
]);

/** By the prefix of the cgroup's name, otherwise by the directory it is in. */
export function runtimeOf(runtimeHint: string, cgroupPath: string): string {
  const known = RUNTIMES.get(runtimeHint);
  if (known !== undefined) return known;
  if (/\/docker\/[^/]+$/.test(cgroupPath)) return "docker";
  if (/\/libpod[-_/]/.test(cgroupPath)) return "podman";
  if (/\/(?:default|k8s\.io|buildkit)\/[^/]+$/.test(cgroupPath)) return "containerd";
  return "";
}

/** Container labels that become labels of its series where the configuration names no others. */
export const SERIES_LABELS_DEFAULT: readonly string[] = [
  "com.docker.compose.project",
  "com.docker.compose.service",
];

/**
 * The labels that cAdvisor has on every series of a container: `name`, `image`, `pod`, `namespace`,
 * `container`, and `container_label_…` for the chosen container labels; and `service`, which it has
 * not. Of two that become the same name the first stands. Empty ones are left out.
 */
export function seriesLabels(
  facts: ContainerFacts,
  chosen: readonly string[] = SERIES_LABELS_DEFAULT,
): Record<string, string> {
  const labels: Record<string, string> = {};
  const add = (name: string, value: string) => {
    if (value !== "" && !Object.hasOwn(labels, name)) labels[name] = value;
  };
  add("name", facts.name);
  add("image", facts.image);
  add("service", containerService(facts));
  add("pod", facts.pod?.name ?? "");
  add("namespace", facts.pod?.namespace ?? "");
  add("container", facts.pod?.container ?? "");
  for (const name of chosen) {
    if (!Object.hasOwn(facts.labels, name)) continue;
    const safe = name.slice(0, TEXT_CHARACTERS_MAX).replace(/[^a-zA-Z0-9_]/g, "_");
    add(`container_label_${safe}`, facts.labels[name] ?? "");
  }
  return labels;
}
