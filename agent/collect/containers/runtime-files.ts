import { constants } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readRegularFile } from "../kit/background-files.ts";
import { isObject, type JsonObject, parseJson, textAt } from "./hostile-json.ts";

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

/** A storage's lists of its containers; the second of those that do not outlive the machine. */
export const CONTAINER_LISTS = ["containers.json", "volatile-containers.json"];

const HOME_STORAGE = ".local/share/containers/storage";
/** A container's own file. */
const CONFIG_BYTES_MAX = 1024 * 1024;
/** One file for all containers of a storage. */
const LIST_BYTES_MAX = 4 * 1024 * 1024;
const NAMES_MAX = 64;

/**
 * The text of a regular file; null when there is none, it is larger than `bytesMax` or may not be
 * read: then this source does not know. No link is followed at the end of the path. Not on the tick's
 * thread of work, for a file system may hang.
 */
export async function readText(path: string, bytesMax: number): Promise<string | null> {
  try {
    const found = await readRegularFile(path, bytesMax, constants.O_NOFOLLOW);
    return found === null || found === "too large" ? null : found.bytes.toString();
  } catch {
    return null;
  }
}

/** What runtimes keep on the host's disk. Paths are absolute, as the host sees them. */
export class RuntimeFiles {
  readonly paths: ConfigPaths;
  readonly #hostRoot: string;

  constructor(hostRoot: string, paths: ConfigPaths) {
    this.#hostRoot = hostRoot;
    this.paths = paths;
  }

  at(path: string): string {
    return join(this.#hostRoot, path);
  }

  /** Null where there is no such file, or no JSON in it: half written, or not the runtime's. */
  async json(path: string, bytesMax = CONFIG_BYTES_MAX): Promise<unknown> {
    const text = await readText(this.at(path), bytesMax);
    try {
      return text === null ? null : parseJson(text);
    } catch {
      return null;
    }
  }

  async object(path: string): Promise<JsonObject | null> {
    const value = await this.json(path);
    return isObject(value) ? value : null;
  }

  /** The entries of a storage's list of containers; none where it cannot be read. */
  async list(path: string): Promise<readonly unknown[]> {
    const list = await this.json(path, LIST_BYTES_MAX);
    return Array.isArray(list) ? list : [];
  }

  /** The names in a directory, sorted, at most NAMES_MAX; none when it cannot be read. */
  async names(directory: string): Promise<string[]> {
    try {
      return (await readdir(this.at(directory))).sort().slice(0, NAMES_MAX);
    } catch {
      return [];
    }
  }

  /** Where Docker keeps its own: first where its configuration says. */
  async dockerRoots(): Promise<string[]> {
    const config = await this.object("/etc/docker/daemon.json");
    const root = config === null ? "" : textAt(config, "data-root");
    return isPlainPath(root) ? [root, ...this.paths.docker] : [...this.paths.docker];
  }

  /** Where Podman keeps its own: the system's, then those of users. */
  async podmanRoots(): Promise<string[]> {
    const roots = [...this.paths.podman, join("/root", HOME_STORAGE)];
    for (const homes of this.paths.homes) {
      for (const home of await this.names(homes)) roots.push(join(homes, home, HOME_STORAGE));
    }
    return roots;
  }
}

/** Absolute, and without a way up. */
export function isPlainPath(path: string): boolean {
  return path.startsWith("/") && !path.split("/").includes("..");
}
