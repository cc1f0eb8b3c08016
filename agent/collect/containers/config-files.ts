import { join } from "node:path";
import { namesIn, readText } from "./bounded-file.ts";
import { type Conmon, findConmon } from "./conmon.ts";
import { type ContainerFacts, factsFrom, podOfPath, runtimeOf } from "./container-facts.ts";
import { asDigest, plainName } from "./engine-answers.ts";
import {
  countAt,
  flagAt,
  isObject,
  type JsonObject,
  labelsAt,
  objectAt,
  parseJson,
  textAt,
} from "./hostile-json.ts";
import { factsOfAnnotations } from "./oci-annotations.ts";

/** A container's own file. */
const CONFIG_BYTES_MAX = 1024 * 1024;
/** One file for all containers of a storage. */
const STORAGE_BYTES_MAX = 4 * 1024 * 1024;
const NAMES_MAX = 64;

/** Directories as the host sees them. */
export type ConfigPaths = {
  readonly docker: readonly string[];
  readonly podman: readonly string[];
  readonly containerd: readonly string[];
  readonly crio: readonly string[];
  /** Directories of home directories. */
  readonly homes: readonly string[];
};

export const CONFIG_PATHS: ConfigPaths = {
  docker: ["/var/lib/docker", "/var/snap/docker/common/var-lib-docker"],
  podman: ["/var/lib/containers/storage"],
  containerd: ["/run/containerd/io.containerd.runtime.v2.task"],
  crio: ["/run/containers/storage", "/var/lib/containers/storage"],
  homes: ["/home"],
};

const HOME_STORAGE = ".local/share/containers/storage";
const STORAGE_DRIVERS = ["overlay", "vfs", "btrfs", "zfs"];
const CONTAINER_LISTS = ["containers.json", "volatile-containers.json"];

/** Names and images as the runtimes keep them on disk, for where their sockets are not to be had. */
export class ConfigFiles {
  readonly #hostRoot: string;
  readonly #paths: ConfigPaths;

  constructor(hostRoot: string, paths: ConfigPaths) {
    this.#hostRoot = hostRoot;
    this.#paths = paths;
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
    for (const root of [...(await this.#dockerRoots()), ...this.#paths.docker]) {
      const config = await this.#object(join(root, "containers", id, "config.v2.json"));
      if (config !== null && textAt(config, "ID") === id) return factsOfDockerConfig(id, config);
    }
    return null;
  }

  /** Where the daemon's own configuration puts it. */
  async #dockerRoots(): Promise<string[]> {
    const config = await this.#object("/etc/docker/daemon.json");
    const root = config === null ? "" : textAt(config, "data-root");
    return isPlainPath(root) ? [root] : [];
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
    return conmon === null ? null : factsOfConmon(id, conmon);
  }

  async #storages(): Promise<string[]> {
    const roots = [...this.#paths.podman, join("/root", HOME_STORAGE)];
    for (const homes of this.#paths.homes) {
      for (const home of await namesIn(join(this.#hostRoot, homes), NAMES_MAX)) {
        roots.push(join(homes, home, HOME_STORAGE));
      }
    }
    return roots.flatMap((root) => STORAGE_DRIVERS.map((name) => join(root, `${name}-containers`)));
  }

  async #fromStorage(id: string, path: string): Promise<ContainerFacts | null> {
    const list = await this.#json(path, STORAGE_BYTES_MAX);
    if (!Array.isArray(list)) return null;
    const own = list.find((item) => isObject(item) && item["id"] === id);
    return isObject(own) ? factsOfStorage(id, own) : null;
  }

  async #fromContainerd(id: string): Promise<ContainerFacts | null> {
    for (const root of this.#paths.containerd) {
      // Its name spaces: k8s.io, default, moby.
      for (const space of await namesIn(join(this.#hostRoot, root), NAMES_MAX)) {
        const facts = await this.#fromOciConfig(id, "containerd", join(root, space, id));
        if (facts !== null) return facts;
      }
    }
    return null;
  }

  async #fromCrio(id: string): Promise<ContainerFacts | null> {
    for (const root of this.#paths.crio) {
      const directory = join(root, "overlay-containers", id, "userdata");
      const facts = await this.#fromOciConfig(id, "crio", directory);
      if (facts !== null) return facts;
    }
    return null;
  }

  async #fromOciConfig(
    id: string,
    runtime: string,
    directory: string,
  ): Promise<ContainerFacts | null> {
    const config = await this.#object(join(directory, "config.json"));
    if (config === null) return null;
    return factsOfAnnotations(id, runtime, objectAt(config, "annotations"));
  }

  async #object(path: string): Promise<JsonObject | null> {
    const value = await this.#json(path, CONFIG_BYTES_MAX);
    return isObject(value) ? value : null;
  }

  async #json(path: string, bytesMax: number): Promise<unknown> {
    const text = await readText(join(this.#hostRoot, path), bytesMax);
    if (text === null) return null;
    try {
      return parseJson(text);
    } catch {
      // Half written, or not the runtime's: as if it were not there.
      return null;
    }
  }
}

/** Absolute, and without a way up. */
function isPlainPath(path: string): boolean {
  return path.startsWith("/") && !path.split("/").includes("..");
}

/** Health and state change without the file being read again, so they are not taken from it. */
function factsOfDockerConfig(id: string, config: JsonObject): ContainerFacts {
  const inner = objectAt(config, "Config");
  const manifest = textAt(objectAt(config, "ImageManifest"), "digest");
  return factsFrom({
    source: "docker-config",
    runtime: "docker",
    id,
    name: plainName(textAt(config, "Name")),
    image: textAt(inner, "Image"),
    imageDigest: manifest || asDigest(textAt(config, "Image")),
    labels: labelsAt(inner, "Labels"),
    state: "running",
    restarts: countAt(config, "RestartCount"),
    isOomKilled: flagAt(objectAt(config, "State"), "OOMKilled"),
  });
}

/** An entry of the storage's list. Labels are in Podman's database only. */
function factsOfStorage(id: string, entry: JsonObject): ContainerFacts {
  const names = entry["names"];
  const name = Array.isArray(names) && typeof names[0] === "string" ? names[0] : "";
  const metadata = entry["metadata"];
  let details: unknown = null;
  try {
    details = typeof metadata === "string" ? parseJson(metadata) : null;
  } catch {
    // Then the image's id is all there is.
  }
  const image = isObject(details) ? textAt(details, "image-name") : "";
  return factsFrom({
    source: "podman-config",
    runtime: "podman",
    id,
    name: textAt({ name }, "name"),
    image,
    imageDigest: asDigest(textAt(entry, "image")),
    state: "running",
  });
}

function factsOfConmon(id: string, conmon: Conmon): ContainerFacts {
  return factsFrom({
    source: "conmon",
    runtime: "podman",
    id,
    name: conmon.name,
    state: "running",
  });
}
