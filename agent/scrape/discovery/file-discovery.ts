import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import { FailureStreak } from "../../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../../shared/time/repeat.ts";
import { parseJson } from "../../containers/hostile-json.ts";
import type { FileDiscoveryConfig } from "../config/scrape-config.ts";
import type { TargetGroup } from "../targets.ts";
import {
  type Discovery,
  type DiscoveryFiles,
  type DiscoveryPorts,
  GROUPS_BYTES_MAX,
} from "./discovery.ts";
import { readGroupList } from "./group-list.ts";

const LOOK_EVERY_MS = 5000;
const FILES_MAX = 1000;

type Known = {
  /** From just before it was read; null: it is to be read in any case. */
  mark: string | null;
  groups: readonly TargetGroup[];
  readonly failures: FailureStreak;
};

/**
 * `file_sd_configs`: files of target groups, looked at every 5 s and read when they have changed, and
 * each `refresh_interval` in any case. A file that cannot be read keeps what it last held; one that is
 * gone holds nothing.
 */
export class FileDiscovery implements Discovery {
  readonly #config: FileDiscoveryConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #files: DiscoveryFiles;
  readonly #known = new Map<string, Known>();
  readonly #listing: FailureStreak;

  constructor(config: FileDiscoveryConfig, { clock, logger, files }: DiscoveryPorts) {
    this.#config = config;
    this.#clock = clock;
    this.#logger = logger;
    this.#files = files;
    this.#listing = new FailureStreak(logger, "files of targets not listed");
  }

  async run(
    onGroups: (groups: readonly TargetGroup[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let readAllAtMs = this.#clock.monotonicMs() + this.#config.refreshMs;
    let before: string | null = null;
    while (!signal.aborted) {
      if (this.#clock.monotonicMs() >= readAllAtMs) {
        for (const known of this.#known.values()) known.mark = null;
        readAllAtMs = this.#clock.monotonicMs() + this.#config.refreshMs;
      }
      const isChanged = await this.#look();
      if (signal.aborted) return;
      const groups = [...this.#known.values()].flatMap((known) => known.groups);
      const now: string = isChanged || before === null ? JSON.stringify(groups) : before;
      if (now !== before) onGroups(groups);
      before = now;
      await sleepUnlessAborted(this.#clock, LOOK_EVERY_MS, signal);
    }
  }

  /** True when a file was read, or is gone. */
  async #look(): Promise<boolean> {
    const paths = await this.#paths();
    if (paths === null) return false;
    let isChanged = false;
    for (const path of this.#known.keys()) {
      if (!paths.has(path)) isChanged = this.#known.delete(path) || isChanged;
    }
    for (const path of paths) isChanged = (await this.#lookAt(path)) || isChanged;
    return isChanged;
  }

  /** Null where a folder cannot be listed: what was found before stands. */
  async #paths(): Promise<ReadonlySet<string> | null> {
    const paths = new Set<string>();
    try {
      for (const pattern of this.#config.files) {
        for (const path of await this.#files.list(pattern)) paths.add(path);
      }
    } catch (error) {
      this.#listing.failed(error);
      return null;
    }
    this.#listing.succeeded();
    return new Set([...paths].slice(0, FILES_MAX));
  }

  async #lookAt(path: string): Promise<boolean> {
    const mark = await this.#files.mark(path);
    if (mark === null) return this.#known.delete(path);
    const known = this.#known.get(path) ?? this.#add(path);
    if (known.mark === mark) return false;
    known.mark = mark;
    try {
      const text = await this.#files.read(path, GROUPS_BYTES_MAX);
      const value = path.toLowerCase().endsWith(".json") ? parseJson(text) : await yamlValue(text);
      known.groups = readGroupList(value, ["__meta_filepath", path]);
      known.failures.succeeded();
      return true;
    } catch (error) {
      known.failures.failed(error, { path });
      return false;
    }
  }

  #add(path: string): Known {
    const failures = new FailureStreak(this.#logger, "file of targets not read");
    const known = { mark: null, groups: [], failures };
    this.#known.set(path, known);
    return known;
  }
}

async function yamlValue(text: string): Promise<unknown> {
  const { readYamlValue } = await import("./yaml-groups.ts");
  return readYamlValue(text);
}
