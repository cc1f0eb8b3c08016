import { readlink, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FULL_ID } from "../../containers/container-facts.ts";
import { isObject, textAt } from "../../containers/hostile-json.ts";
import {
  CONFIG_PATHS,
  CONTAINER_LISTS,
  type ConfigPaths,
  isPlainPath,
  RuntimeFiles,
  readText,
} from "../../containers/runtime-files.ts";
import type { Mount } from "../proc/mounts.ts";

/** Where a container's data is; paths as the host sees them. */
export type LayerPlace = {
  /** The runtime's storage. */
  readonly storage: string;
  /** The directory of what the container has written; null: it is not known. */
  readonly layer: string | null;
};

const ID_BYTES_MAX = 256;
const CONTAINERD_STORAGE = "/var/lib/containerd";
/** What was read of Podman's lists stands this long, so that many new containers read it once. */
const LISTS_MS = 30_000;

/** Finds the writable layers of containers by the files that runtimes keep, and by the mounts. */
export class LayerPlaces {
  readonly #files: RuntimeFiles;
  #listed = new Map<string, LayerPlace>();
  #listedAtMs = Number.NEGATIVE_INFINITY;

  constructor(hostRoot: string, paths: ConfigPaths = CONFIG_PATHS) {
    this.#files = new RuntimeFiles(hostRoot, paths);
  }

  /** Null where not even the storage is known. `id` is 64 hexadecimal digits. */
  async find(
    id: string,
    runtime: string,
    mounts: readonly Mount[],
    nowMs: number,
  ): Promise<LayerPlace | null> {
    const isOf = (...names: string[]) => runtime === "" || names.includes(runtime);
    const mounted = mountedPlace(id, mounts);
    let place: LayerPlace | null = null;
    if (isOf("docker")) place = await this.#ofDocker(id);
    if (place === null && isOf("podman", "crio")) place = await this.#ofPodman(id, nowMs);
    if (place === null && isOf("containerd") && (await this.#isThere(CONTAINERD_STORAGE))) {
      place = { storage: await this.#real(CONTAINERD_STORAGE), layer: null };
    }
    if (place === null) return mounted;
    return place.layer === null && mounted !== null ? { ...place, layer: mounted.layer } : place;
  }

  async #ofDocker(id: string): Promise<LayerPlace | null> {
    for (const root of await this.#files.dockerRoots()) {
      const storage = await this.#real(root);
      const path = join(storage, "image/overlay2/layerdb/mounts", id, "mount-id");
      const mountId = await readText(this.#files.at(path), ID_BYTES_MAX);
      const name = mountId?.trim() ?? "";
      if (FULL_ID.test(name)) return { storage, layer: join(storage, "overlay2", name, "diff") };
      if (await this.#isThere(join(storage, "containers", id))) return { storage, layer: null };
    }
    return null;
  }

  async #ofPodman(id: string, nowMs: number): Promise<LayerPlace | null> {
    const known = this.#listed.get(id);
    if (known !== undefined) return known;
    if (Math.abs(nowMs - this.#listedAtMs) >= LISTS_MS) {
      this.#listedAtMs = nowMs;
      this.#listed = await this.#readLists();
    }
    return this.#listed.get(id) ?? null;
  }

  async #readLists(): Promise<Map<string, LayerPlace>> {
    const places = new Map<string, LayerPlace>();
    for (const path of await this.#files.podmanRoots()) {
      const storage = await this.#real(path);
      for (const list of CONTAINER_LISTS) {
        const file = join(storage, "overlay-containers", list);
        for (const [id, layer] of parseContainerList(await this.#files.list(file))) {
          // A user's list does not speak for the containers of the system.
          if (places.has(id)) continue;
          places.set(id, { storage, layer: join(storage, "overlay", layer, "diff") });
        }
      }
    }
    return places;
  }

  /** A storage that was put elsewhere by a link is there, below the host's root. */
  async #real(path: string): Promise<string> {
    try {
      const target = await readlink(this.#files.at(path));
      return resolve(dirname(path), target);
    } catch {
      // Not a link; or it is not there, which the next question tells.
      return path;
    }
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      return (await stat(this.#files.at(path))).isDirectory();
    } catch {
      // Whatever the reason, nothing can be said of it.
      return false;
    }
  }
}

/** Ids of containers and of their layers in the list of a storage; entries of other form are left out. */
export function parseContainerList(list: readonly unknown[]): Map<string, string> {
  const layers = new Map<string, string>();
  for (const entry of list) {
    if (!isObject(entry)) continue;
    const id = textAt(entry, "id");
    const layer = textAt(entry, "layer");
    if (FULL_ID.test(id) && FULL_ID.test(layer)) layers.set(id, layer);
  }
  return layers;
}

/**
 * The upper directory of the overlay that is mounted under the container's id: containerd mounts it
 * at `…/<id>/rootfs`, Docker with containerd's image store at `…/<id>`.
 */
export function mountedPlace(id: string, mounts: readonly Mount[]): LayerPlace | null {
  for (const { fsType, mountPoint, options } of mounts) {
    if (fsType !== "overlay" || !mountPoint.includes(`/${id}`)) continue;
    for (const option of options) {
      if (!option.startsWith("upperdir=")) continue;
      const layer = option.slice("upperdir=".length);
      // Not with characters that the list of mounts had to escape.
      const isUsable = isPlainPath(layer) && !layer.includes("\\");
      return isUsable ? { storage: layer, layer } : null;
    }
  }
  return null;
}
