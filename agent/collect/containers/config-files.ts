import { join } from "node:path";
import {
  type ContainerFacts,
  factsFrom,
  podOfPath,
  runtimeOf,
} from "../../containers/container-facts.ts";
import { isObject, objectAt, textAt } from "../../containers/hostile-json.ts";
import {
  CONTAINER_LISTS,
  type ConfigPaths,
  RuntimeFiles,
  STORAGE_DRIVERS,
} from "../../containers/runtime-files.ts";
import { factsOfDockerConfig, factsOfStorage } from "../../containers/stored-facts.ts";
import { findConmon } from "./conmon.ts";
import { factsOfAnnotations } from "./oci-annotations.ts";

/** Names and images as the runtimes keep them on disk, for where their sockets are not to be had. */
export class ConfigFiles {
  readonly #hostRoot: string;
  readonly #files: RuntimeFiles;

  constructor(hostRoot: string, paths: ConfigPaths) {
    this.#hostRoot = hostRoot;
    this.#files = new RuntimeFiles(hostRoot, paths);
  }

  /** Null when no file tells. `id` is 64 hexadecimal digits, so it can be a part of a path. */
  async find(id: string, runtimeHint: string, cgroupPath: string): Promise<ContainerFacts | null> {
    const runtime = runtimeOf(runtimeHint, cgroupPath);
    const sources = new Map([
      ["docker", () => this.#fromDocker(id)],
      ["podman", () => this.#fromPodman(id, cgroupPath)],
      ["containerd", () => this.#fromContainerd(id)],
      ["crio", () => this.#fromCrio(id)],
    ]);
    const own = sources.get(runtime);
    const asked = own === undefined ? [...sources.values()] : [own];
    for (const ask of asked) {
      const facts = await ask();
      if (facts === null) continue;
      const pod = podOfPath(cgroupPath);
      return facts.pod === null && pod !== null ? { ...facts, pod } : facts;
    }
    return null;
  }

  async #fromDocker(id: string): Promise<ContainerFacts | null> {
    for (const root of await this.#files.dockerRoots()) {
      const config = await this.#files.object(join(root, "containers", id, "config.v2.json"));
      if (config !== null && textAt(config, "ID") === id) return factsOfDockerConfig(id, config);
    }
    return null;
  }

  async #fromPodman(id: string, cgroupPath: string): Promise<ContainerFacts | null> {
    const conmon = await findConmon(this.#hostRoot, id, cgroupPath);
    const directories = conmon?.listDirectory ? [conmon.listDirectory] : await this.#storages();
    for (const directory of directories) {
      for (const list of CONTAINER_LISTS) {
        const facts = await this.#fromStorage(id, join(directory, list));
        if (facts !== null) return facts;
      }
    }
    if (conmon === null) return null;
    const { name } = conmon;
    return factsFrom({ source: "conmon", runtime: "podman", id, name, state: "running" });
  }

  async #storages(): Promise<string[]> {
    const roots = await this.#files.podmanRoots();
    return roots.flatMap((root) => STORAGE_DRIVERS.map((name) => join(root, `${name}-containers`)));
  }

  async #fromStorage(id: string, path: string): Promise<ContainerFacts | null> {
    const list = await this.#files.list(path);
    const own = list.find((item) => isObject(item) && item["id"] === id);
    return isObject(own) ? factsOfStorage(id, own) : null;
  }

  async #fromContainerd(id: string): Promise<ContainerFacts | null> {
    const directories: string[] = [];
    for (const root of this.#files.paths.containerd) {
      // Its name spaces: k8s.io, default, moby.
      const spaces = await this.#files.names(root);
      directories.push(...spaces.map((space) => join(root, space, id)));
    }
    return await this.#fromOciConfig(id, "containerd", directories);
  }

  async #fromCrio(id: string): Promise<ContainerFacts | null> {
    const { crio } = this.#files.paths;
    const directories = crio.map((root) => join(root, "overlay-containers", id, "userdata"));
    return await this.#fromOciConfig(id, "crio", directories);
  }

  async #fromOciConfig(id: string, runtime: string, directories: readonly string[]) {
    for (const directory of directories) {
      const config = await this.#files.object(join(directory, "config.json"));
      const annotations = config === null ? {} : objectAt(config, "annotations");
      const facts = factsOfAnnotations(id, runtime, annotations);
      if (facts !== null) return facts;
    }
    return null;
  }
}
