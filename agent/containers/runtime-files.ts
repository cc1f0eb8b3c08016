import { constants } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readRegularFile } from "../../shared/platform/regular-file.ts";
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

/** Its folders of containers are `DRIVER-containers`. */
export const STORAGE_DRIVERS = ["overlay", "vfs", "btrfs", "zfs"];

/** Below a home directory: where rootless Podman and rootless Docker keep their own. */
export const HOME_DOCKER = ".local/share/docker";
export const HOME_STORAGE = ".local/share/containers/storage";
const DOCKER_PID_FILES = ["/run/docker.pid", "/var/run/docker.pid"];
const COMMAND_LINE_BYTES_MAX = 16 * 1024;
/** A container's own file. */
export const CONFIG_BYTES_MAX = 1024 * 1024;
/** One file for all containers of a storage. */
export const LIST_BYTES_MAX = 4 * 1024 * 1024;
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

  /** Where Docker keeps its own: first where its command line or its configuration says. */
  async dockerRoots(): Promise<string[]> {
    const config = await this.object("/etc/docker/daemon.json");
    const configured = config === null ? "" : textAt(config, "data-root");
    const roots = [await this.#dockerdRoot(), configured].filter(isPlainPath);
    return [...new Set([...roots, ...this.paths.docker])];
  }

  /** Where Podman keeps its own: the system's, then those of users. */
  async podmanRoots(): Promise<string[]> {
    const roots = [...(await this.podmanSystemRoots()), join("/root", HOME_STORAGE)];
    for (const homes of this.paths.homes) {
      for (const home of await this.names(homes)) roots.push(join(homes, home, HOME_STORAGE));
    }
    return roots;
  }

  async podmanSystemRoots(): Promise<string[]> {
    const path = this.at("/etc/containers/storage.conf");
    const config = (await readText(path, CONFIG_BYTES_MAX)) ?? "";
    const root = /^[ \t]*graphroot[ \t]*=[ \t]*"([^"\n]*)"/m.exec(config)?.[1] ?? "";
    const roots = isPlainPath(root) ? [root, ...this.paths.podman] : this.paths.podman;
    return [...new Set(roots)];
  }

  /** Of a daemon that runs and has the usual pid file; "" when it is not told. */
  async #dockerdRoot(): Promise<string> {
    for (const path of DOCKER_PID_FILES) {
      const pid = (await readText(this.at(path), COMMAND_LINE_BYTES_MAX))?.trim() ?? "";
      if (!/^\d{1,10}$/.test(pid)) continue;
      const line = await readText(this.at(`/proc/${pid}/cmdline`), COMMAND_LINE_BYTES_MAX);
      const root = dataRootOf((line ?? "").split("\0"));
      if (root !== "") return root;
    }
    return "";
  }
}

/** What dockerd was told: `--data-root DIR`, `--data-root=DIR`, `-g DIR`; "" for nothing. */
export function dataRootOf(words: readonly string[]): string {
  if (!/(?:^|\/)dockerd$/.test(words[0] ?? "")) return "";
  for (let at = 1; at < words.length; at += 1) {
    const [, value] = /^--?(?:data-root|graph|g)(?:=(.*))?$/.exec(words[at] ?? "") ?? [];
    if (value !== undefined) return value;
    if (/^--?(?:data-root|graph|g)$/.test(words[at] ?? "")) return words[at + 1] ?? "";
  }
  return "";
}

/** Absolute, and without a way up. */
export function isPlainPath(path: string): boolean {
  return path.startsWith("/") && !path.split("/").includes("..");
}
