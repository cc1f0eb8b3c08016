import { join } from "node:path/posix";
import { OperationalError } from "../../../shared/errors.ts";
import { type ContainerFacts, FULL_ID, factsFrom } from "../../containers/container-facts.ts";
import { cleanText, isObject, parseJson, textAt } from "../../containers/hostile-json.ts";
import {
  CONFIG_BYTES_MAX,
  CONTAINER_LISTS,
  LIST_BYTES_MAX,
} from "../../containers/runtime-files.ts";
import { factsOfDockerConfig, factsOfStorage } from "../../containers/stored-facts.ts";
import type { LogFiles } from "../tail/ports.ts";
import type { NamedContainer } from "./container-labels.ts";
import { readRegularFile } from "./regular-file.ts";

/** The directories in which a runtime has one for each container, named by its id. */
export type ContainerDirectories = {
  readonly docker: readonly string[];
  readonly podman: readonly string[];
};

const REMEMBERED_MAX = 5000;
const LISTS_MAX = 64;

type StorageList = {
  readonly mtimeMs: number;
  readonly size: number;
  readonly containers: ReadonlyMap<string, ContainerFacts>;
};

/**
 * Names, images and labels of containers by what their runtimes keep on disk, in the moment in which
 * they are needed: the directory of a container that was removed is gone, its lines may be yet to come.
 */
export class ContainerNames {
  readonly #files: LogFiles;
  readonly #directories: ContainerDirectories;
  /** By id, the one asked for last at the end. */
  readonly #remembered = new Map<string, NamedContainer>();
  readonly #lists = new Map<string, StorageList>();

  constructor(files: LogFiles, directories: ContainerDirectories) {
    this.#files = files;
    this.#directories = directories;
  }

  /**
   * Of a container whose directory was found.
   * @param isAnew read it, whatever is remembered
   */
  at(runtime: "docker" | "podman", directory: string, id: string, isAnew: boolean): NamedContainer {
    if (!FULL_ID.test(id)) return unnamed(id);
    const remembered = isAnew ? undefined : this.#remembered.get(id);
    const found = remembered ?? this.#read(runtime, directory, id);
    return found === null ? unnamed(id) : this.#remember(id, found);
  }

  /**
   * Of a container whose id and name came with a line; null where no runtime that is the system's
   * has one of that id.
   */
  find(id: string, name: string): NamedContainer | null {
    if (!FULL_ID.test(id)) return null;
    const remembered = this.#remembered.get(id);
    if (remembered !== undefined && (remembered.name === name || name === "")) return remembered;
    for (const runtime of ["docker", "podman"] as const) {
      for (const directory of this.#directories[runtime]) {
        const found = this.#read(runtime, directory, id);
        if (found !== null) return this.#remember(id, found);
      }
    }
    return null;
  }

  #read(runtime: "docker" | "podman", directory: string, id: string): NamedContainer | null {
    return runtime === "docker" ? this.#readDocker(directory, id) : this.#readPodman(directory, id);
  }

  #readDocker(directory: string, id: string): NamedContainer | null {
    const path = join(directory, id, "config.v2.json");
    const config = this.#json(path, CONFIG_BYTES_MAX);
    if (!isObject(config) || textAt(config, "ID") !== id) return null;
    return slim(factsOfDockerConfig(id, config));
  }

  #readPodman(directory: string, id: string): NamedContainer | null {
    for (const name of CONTAINER_LISTS) {
      const found = this.#listed(join(directory, name)).get(id);
      if (found !== undefined) return slim(found);
    }
    return null;
  }

  /** A storage has one list of all its containers: it is read again when it changed. */
  #listed(path: string): ReadonlyMap<string, ContainerFacts> {
    const status = this.#status(path);
    if (status === null) return new Map();
    const known = this.#lists.get(path);
    const { mtimeMs, size } = status;
    if (known?.mtimeMs === mtimeMs && known.size === size) return known.containers;
    const list = this.#json(path, LIST_BYTES_MAX);
    const containers = new Map<string, ContainerFacts>();
    for (const entry of Array.isArray(list) ? list : []) {
      const id = isObject(entry) ? textAt(entry, "id") : "";
      if (isObject(entry) && FULL_ID.test(id)) containers.set(id, factsOfStorage(id, entry));
    }
    this.#lists.delete(path);
    this.#lists.set(path, { mtimeMs, size, containers });
    forgetOldest(this.#lists, LISTS_MAX);
    return containers;
  }

  #remember(id: string, container: NamedContainer): NamedContainer {
    this.#remembered.delete(id);
    this.#remembered.set(id, container);
    forgetOldest(this.#remembered, REMEMBERED_MAX);
    return container;
  }

  /** Null where there is no such file, or no JSON in it: half written, or not the runtime's. */
  #json(path: string, bytesMax: number): unknown {
    const text = readRegularFile(this.#files, path, bytesMax);
    try {
      return text === null ? null : parseJson(text);
    } catch {
      return null;
    }
  }

  #status(path: string) {
    try {
      return this.#files.status(path);
    } catch (error) {
      if (error instanceof OperationalError) return null;
      throw error;
    }
  }
}

function unnamed(id: string): NamedContainer {
  return slim(factsFrom({ source: "cgroup", runtime: "", id: cleanText(id) }));
}

function slim({ id, name, image, labels }: NamedContainer): NamedContainer {
  return { id, name, image, labels };
}

function forgetOldest(map: Map<string, unknown>, countMax: number): void {
  const [oldest] = map.keys();
  if (map.size > countMax && oldest !== undefined) map.delete(oldest);
}
