import { errorMessage } from "../../../shared/errors.ts";
import type { Clock, Logger, Random } from "../../../shared/platform/ports.ts";
import { repeat } from "../../../shared/time/repeat.ts";
import { SerialQueue } from "../../../shared/time/serial-queue.ts";
import {
  type ContainerFacts,
  FULL_ID,
  type OomEvents,
  runtimeOf,
} from "../../containers/container-facts.ts";
import { CONFIG_PATHS, type ConfigPaths } from "../../containers/runtime-files.ts";
import type { Faults } from "../context.ts";
import { ConfigFiles } from "./config-files.ts";
import { ContainerEntry } from "./container-entry.ts";
import type { EngineEvent } from "./engine-answers.ts";
import {
  findSockets,
  hasPidFile,
  isSocket,
  SOCKET_PATHS,
  type SocketPaths,
  type Wanted,
} from "./engine-sockets.ts";
import { EngineWatch, type WatchListener } from "./engine-watch.ts";

export type DirectoryOptions = {
  readonly hostRoot: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly faults: Faults;
  readonly sockets?: SocketPaths;
  readonly configs?: ConfigPaths;
  /** Containers kept of those that runtimes tell of and whose cgroups were not asked for. */
  readonly containersMax?: number;
};

/** How long facts are waited for, and after which part of it the files are looked at as well. */
const WAIT_MS = 2000;
const SOCKET_ALONE_MS = 1000;
/** How often it is looked whether there is a socket that was not there. */
const SEARCH_MS = 15_000;
const CONTAINERS_MAX = 5000;
/** For how long a container that does not run is told of. */
const ENDED_MAX_MS = 24 * 3600 * 1000;
const COLLECTOR = "runtime";

/**
 * Who is behind a cgroup. Runtimes are asked once what there is and tell of changes themselves;
 * files are read once for a container that no runtime tells of. Nothing begins before the first
 * question, and no question waits.
 *
 * A runtime that does not run is not connected to: see findSockets.
 */
export class ContainerDirectory implements AsyncDisposable {
  readonly #options: DirectoryOptions;
  readonly #sockets: SocketPaths;
  readonly #files: ConfigFiles;
  readonly #containersMax: number;
  readonly #listener: WatchListener;
  readonly #entries = new Map<string, ContainerEntry>();
  readonly #watches = new Map<string, { watch: EngineWatch; end: Promise<void> }>();
  readonly #stop = new AbortController();
  /** Reads of files go one after another: one that hangs holds one thread and no more. */
  readonly #fileReads = new SerialQueue();
  #search: Promise<void> | null = null;
  readonly #wanted: Wanted = { docker: false, podman: false };
  #changes = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#sockets = options.sockets ?? SOCKET_PATHS;
    this.#files = new ConfigFiles(options.hostRoot, options.configs ?? CONFIG_PATHS);
    this.#containersMax = options.containersMax ?? CONTAINERS_MAX;
    this.#listener = {
      listed: (watch, facts, isWhole) => this.#listed(watch, facts, isWhole),
      inspected: (watch, id, facts) => this.#inspected(watch, id, facts),
      event: (watch, event) => this.#heard(watch, event),
      fault: (reason) => options.faults.add(COLLECTOR, reason, 1),
    };
  }

  /**
   * Facts of a container whose cgroup was found; null: being asked, ask again next tick. The same
   * object until something changed, which may be no more than health: compare what you need of it.
   * @param containerId 64 hexadecimal digits, or the name of an LXC or nspawn container
   * @param runtimeHint the prefix of the cgroup's name: docker, libpod, cri-containerd, crio; ""
   */
  lookup(
    containerId: string,
    runtimeHint: string,
    cgroupPath: string,
    nowMs: number,
  ): ContainerFacts | null {
    const entry = this.#entries.get(containerId);
    if (entry?.isSettled && entry.hasCgroup && entry.cgroupPath === cgroupPath) return entry.facts;
    return this.#findOut(entry ?? this.#add(containerId), runtimeHint, cgroupPath, nowMs);
  }

  /** The cgroup is gone. What a runtime knows of the container stays until that is gone too. */
  forget(containerId: string): void {
    const entry = this.#entries.get(containerId);
    if (entry === undefined) return;
    entry.hasCgroup = false;
    entry.askedAtMs = Number.NaN;
    if (entry.watch === null || entry.isDestroyed) this.#remove(entry);
  }

  /** Those that its runtime sent, also after its cgroup is gone; null: it sends none. */
  oomEvents(containerId: string): OomEvents | null {
    return this.#entries.get(containerId)?.facts?.oomEvents ?? null;
  }

  /** Counts up whenever `containers` would give something else. */
  get changes(): number {
    return this.#changes;
  }

  /** Every container of which all is known that will be, running or not. */
  *containers(): Generator<{ readonly facts: ContainerFacts; readonly cgroupPath: string }> {
    const nowMs = this.#options.clock.monotonicMs();
    for (const entry of this.#entries.values()) {
      const { facts, cgroupPath } = entry;
      if (facts !== null && !entry.isAwaited(nowMs)) yield { facts, cgroupPath };
    }
  }

  /** Begins to listen, and drops what ended long ago. For once in a while; `lookup` begins too. */
  tidy(): void {
    this.#begin();
    const nowMs = this.#options.clock.monotonicMs();
    this.#changes += 1; // what was awaited no longer is
    for (const entry of this.#entries.values()) {
      const isOld = entry.endedAtMs !== null && nowMs - entry.endedAtMs >= ENDED_MAX_MS;
      if (isOld && !entry.hasCgroup) this.#remove(entry);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#search;
    await Promise.all([...this.#watches.values()].map(({ end }) => end));
    this.#entries.clear();
  }

  #findOut(
    entry: ContainerEntry,
    runtimeHint: string,
    cgroupPath: string,
    nowMs: number,
  ): ContainerFacts | null {
    if (!entry.hasCgroup || entry.cgroupPath !== cgroupPath) {
      entry.hasCgroup = true;
      entry.cgroupPath = cgroupPath;
      this.#changes += 1;
    }
    if (entry.isSettled) return entry.facts;
    if (!FULL_ID.test(entry.id)) return this.#settle(entry, runtimeHint);
    // A clock that was set back begins the wait anew.
    if (!(nowMs >= entry.askedAtMs)) {
      entry.askedAtMs = nowMs;
      this.#askEngines(entry, runtimeOf(runtimeHint, cgroupPath));
    }
    const waitedMs = nowMs - entry.askedAtMs;
    if (entry.asked.size === 0 || waitedMs >= SOCKET_ALONE_MS) {
      this.#askFiles(entry, runtimeHint);
    }
    const isNobodyLeft = entry.asked.size === 0 && entry.hasSearchedFiles;
    if (!isNobodyLeft && waitedMs < WAIT_MS) return null;
    return this.#settle(entry, runtimeHint);
  }

  #settle(entry: ContainerEntry, runtimeHint: string): ContainerFacts {
    this.#changes += 1;
    return entry.settle(runtimeHint, this.#options.clock.monotonicMs());
  }

  #askEngines(entry: ContainerEntry, runtime: string): void {
    if (runtime !== "docker" && runtime !== "podman" && runtime !== "") return;
    const wanted = runtime || "docker";
    if (!this.#wanted[wanted]) {
      this.#wanted[wanted] = true;
      if (this.#search !== null) this.#watchSockets();
    }
    this.#begin();
    for (const { watch } of this.#watches.values()) {
      const own = watch.engine?.runtime;
      const mayKnow = own === undefined || runtime === "" || own === runtime;
      if (mayKnow && watch.ask(entry.id)) entry.asked.add(watch);
    }
  }

  #askFiles(entry: ContainerEntry, runtimeHint: string): void {
    if (entry.hasAskedFiles) return;
    entry.hasAskedFiles = true;
    void this.#fileReads.run(() => this.#searchFiles(entry, runtimeHint));
  }

  async #searchFiles(entry: ContainerEntry, runtimeHint: string): Promise<void> {
    // Also when the wait is over and only the path has told: a slow disk's answer is late, not wrong.
    const isWanted = () => this.#entries.get(entry.id) === entry && entry.hasOnlyPath;
    if (!isWanted()) return;
    try {
      const facts = await this.#files.find(entry.id, runtimeHint, entry.cgroupPath);
      // What a runtime told meanwhile has no less in it than a file.
      if (facts === null || !isWanted()) return;
      entry.set(facts, this.#options.clock.monotonicMs());
      this.#changes += 1;
    } catch (error) {
      this.#options.faults.add(COLLECTOR, "unreadable", 1);
      this.#options.logger.debug({ error: errorMessage(error) }, "container's files not read");
    } finally {
      entry.hasSearchedFiles = true;
    }
  }

  #begin(): void {
    if (this.#search !== null || this.#stop.signal.aborted) return;
    const searching = {
      run: () => this.#watchSockets(),
      pauseMs: () => SEARCH_MS,
      failure: "container runtimes are not looked for",
    };
    this.#search = repeat(searching, this.#options, this.#stop.signal);
  }

  #watchSockets(): void {
    const { clock, random, logger, hostRoot } = this.#options;
    for (const path of findSockets(hostRoot, this.#sockets, this.#wanted)) {
      if (this.#watches.has(path)) continue;
      const hadPidFile = hasPidFile(path);
      const isThere = () => isSocket(path) && (!hadPidFile || hasPidFile(path));
      const listener = this.#listener;
      const watch = new EngineWatch(path, { clock, random, logger, listener, isThere });
      const end = watch.run(this.#stop.signal).then(() => this.#ended(path));
      this.#watches.set(path, { watch, end });
      logger.info({ socket: path }, "container runtime found");
    }
  }

  /** The runtime was stopped: of its containers only those are left whose cgroups are. */
  #ended(path: string): void {
    this.#watches.delete(path);
    for (const entry of this.#entries.values()) {
      if (entry.watch?.path === path && !entry.hasCgroup) this.#remove(entry);
    }
  }

  #listed(watch: EngineWatch, facts: readonly ContainerFacts[], isWhole: boolean): void {
    const nowMs = this.#options.clock.monotonicMs();
    const listed = new Set<string>();
    for (const told of facts) {
      listed.add(told.id);
      const entry = this.#known(told.id);
      if (entry?.learn(watch, told, nowMs)) this.#changes += 1;
    }
    for (const entry of this.#entries.values()) {
      if (listed.has(entry.id)) continue;
      const isOther = entry.watch !== null && entry.watch.path !== watch.path;
      if (entry.hasCgroup && !isOther) watch.ask(entry.id);
      else if (isWhole && !isOther) this.#remove(entry);
    }
  }

  #inspected(watch: EngineWatch, id: string, facts: ContainerFacts | null): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return; // it ended meanwhile
    if (facts === null) {
      entry.asked.delete(watch);
      return;
    }
    entry.asked.clear();
    entry.isSettled = true;
    if (entry.learn(watch, facts, this.#options.clock.monotonicMs())) this.#changes += 1;
  }

  #heard(watch: EngineWatch, event: EngineEvent): boolean {
    if (event.action === "destroy") {
      watch.forget(event.id);
      this.#destroyed(event.id);
      return false;
    }
    const entry = this.#known(event.id);
    if (entry?.hear(watch, event, this.#options.clock.monotonicMs())) this.#changes += 1;
    return entry !== null;
  }

  /** While its cgroup is there its facts are. */
  #destroyed(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.isDestroyed = true;
    if (!entry.hasCgroup) this.#remove(entry);
  }

  /** The entry of a container that a runtime tells of; null when there are too many. */
  #known(id: string): ContainerEntry | null {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    if (this.#entries.size >= this.#containersMax) this.#makeRoom();
    if (this.#entries.size < this.#containersMax) return this.#add(id);
    this.#options.faults.add(COLLECTOR, "limit", 1);
    return null;
  }

  /** The oldest that does not run goes. */
  #makeRoom(): void {
    for (const entry of this.#entries.values()) {
      if (entry.endedAtMs === null || entry.hasCgroup) continue;
      this.#remove(entry);
      return;
    }
  }

  #add(id: string): ContainerEntry {
    const entry = new ContainerEntry(id);
    this.#entries.set(id, entry);
    return entry;
  }

  #remove(entry: ContainerEntry): void {
    this.#entries.delete(entry.id);
    for (const { watch } of this.#watches.values()) watch.forget(entry.id);
    this.#changes += 1;
  }
}
