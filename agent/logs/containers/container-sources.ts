import { basename, dirname, join } from "node:path/posix";
import type { Logger } from "../../../shared/platform/ports.ts";
import {
  CONFIG_PATHS,
  HOME_DOCKER,
  HOME_STORAGE,
  RuntimeFiles,
  STORAGE_DRIVERS,
} from "../../containers/runtime-files.ts";
import type { ShapeOptions } from "../shape/shape-options.ts";
import { createShaper, type Format } from "../shape/shaper.ts";
import type { FileSource, LogFiles } from "../tail/ports.ts";
import { containerLabels, type NodeLabels } from "./container-labels.ts";
import { ContainerNames } from "./container-names.ts";

export type ContainerLogDeps = {
  readonly files: LogFiles;
  readonly logger: Logger;
};

export type ContainerLogOptions = {
  readonly hostRoot: string;
  readonly shape: ShapeOptions;
  /** Of this node, on every line. */
  readonly labels: NodeLabels;
};

export type ContainerLogs = {
  readonly sources: readonly FileSource[];
  /** For lines of containers that come in other ways. */
  readonly names: ContainerNames;
};

/**
 * The files in which Docker (drivers json-file and local) and Podman (k8s-file) keep what containers
 * write, with the labels of their containers. Where a runtime keeps its own is asked once: what is
 * configured later takes a restart, and containers and users that are new do not.
 */
export async function containerLogs(
  { files, logger }: ContainerLogDeps,
  { hostRoot, shape, labels }: ContainerLogOptions,
): Promise<ContainerLogs> {
  const runtimes = new RuntimeFiles(hostRoot, CONFIG_PATHS);
  const isUsable = (path: string) => {
    const isPlain = !/[*?[\]{}]/.test(path);
    if (!isPlain) logger.warn({ path }, "no logs of containers: its path has glob characters");
    return isPlain;
  };
  const docker = (await runtimes.dockerRoots())
    .map((root) => join(runtimes.at(root), "containers"))
    .filter(isUsable);
  const podman = [...(await runtimes.podmanSystemRoots()), join("/root", HOME_STORAGE)]
    .map((root) => runtimes.at(root))
    .filter(isUsable)
    .flatMap(storageDirectories);
  const homes = CONFIG_PATHS.homes
    .map((path) => runtimes.at(path))
    .filter(isUsable)
    .map((path) => join(path, "*"));
  const names = new ContainerNames(files, { docker, podman });
  const rootless = {
    docker: homes.map((home) => join(home, HOME_DOCKER, "containers")),
    podman: homes.flatMap((home) => storageDirectories(join(home, HOME_STORAGE))),
  };
  const source = (kind: Kind, directories: readonly string[]): FileSource => ({
    name: kind.name,
    include: directories.map((directory) => join(directory, "*", kind.file)),
    exclude: [],
    labels: (path, stream) => {
      // A file is opened before any line of it has a stream.
      const own = ownDirectory(kind, path);
      const container = names.at(kind.runtime, dirname(own), basename(own), stream === "");
      return containerLabels(labels, container, stream);
    },
    createShaper: (startOffset, emit) => createShaper(kind.format, shape, startOffset, emit),
  });
  const sources = [
    source(JSON_FILE, [...docker, ...rootless.docker]),
    source(LOCAL, [...docker, ...rootless.docker]),
    source(K8S_FILE, [...podman, ...rootless.podman]),
  ];
  return { sources, names };
}

/** A log driver: where it writes, below the directory of a container. */
type Kind = {
  readonly name: string;
  readonly runtime: "docker" | "podman";
  readonly format: Format;
  /** With a pattern in its last part: only what is there is followed. */
  readonly file: string;
};

const JSON_FILE: Kind = {
  name: "docker-json-file",
  runtime: "docker",
  format: "docker-json",
  file: "*-json.log",
};
const LOCAL: Kind = {
  name: "docker-local",
  runtime: "docker",
  format: "docker-local",
  file: "local-logs/container.lo[g]",
};
const K8S_FILE: Kind = {
  name: "podman-k8s-file",
  runtime: "podman",
  format: "cri",
  file: "userdata/ctr.lo[g]",
};

function storageDirectories(root: string): string[] {
  return STORAGE_DRIVERS.map((driver) => join(root, `${driver}-containers`));
}

/** The directory of the container whose log has that path. */
function ownDirectory({ file }: Kind, path: string): string {
  return file.includes("/") ? dirname(dirname(path)) : dirname(path);
}
