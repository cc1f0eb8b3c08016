import {
  type ContainerFacts,
  factsFrom,
  factsOfPath,
  type OomEvents,
} from "../../containers/container-facts.ts";
import type { EngineEvent } from "./engine-answers.ts";
import type { EngineWatch } from "./engine-watch.ts";

/** How long an inspection may take. */
const SOON_MS = 10_000;
/** States in which a container does not run. */
export const ENDED = new Set(["created", "exited", "dead"]);

/** One container, from when its cgroup or its runtime first told of it. */
export class ContainerEntry {
  readonly id: string;
  /** The best that is known; null: nothing but the id. */
  facts: ContainerFacts | null = null;
  /** Nothing better is waited for. */
  isSettled = false;
  /** "" when its cgroup is not, or was never, there. */
  cgroupPath = "";
  hasCgroup = false;
  /** Its runtime has removed it; only its cgroup is left. */
  isDestroyed = false;
  /** When its cgroup was first asked for; NaN: not yet. */
  askedAtMs = Number.NaN;
  /** Engines that were asked and have not answered. */
  readonly asked = new Set<EngineWatch>();
  hasAskedFiles = false;
  hasSearchedFiles = false;
  /** The engine that told of it; null: none did. */
  watch: EngineWatch | null = null;
  /** When its runtime first told of it, on the monotonic clock; NaN: it has not. */
  toldAtMs = Number.NaN;
  /** Since when it does not run, on the monotonic clock; null: it does. */
  endedAtMs: number | null = null;
  /** An OOM event came since its last start. */
  #hasOomEvent = false;

  constructor(id: string) {
    this.id = id;
  }

  /** Takes over what an engine says. True when anything changed. */
  learn(watch: EngineWatch, told: ContainerFacts, nowMs: number): boolean {
    this.#toldBy(watch, nowMs);
    const last = this.facts;
    const isSameSource = last?.source === told.source;
    // A list tells less, and names an image by its id once its name stands for another one.
    const isListed = told.restarts === null;
    return this.set(
      {
        ...told,
        image: isListed && isSameSource && last.image !== "" ? last.image : told.image,
        pod: told.pod ?? last?.pod ?? null,
        restarts: told.restarts ?? (isSameSource ? last.restarts : null),
        health: told.health ?? (isSameSource ? last.health : null),
        isOomKilled: told.isOomKilled ?? (isSameSource ? last.isOomKilled : null),
        lastExitCode: told.lastExitCode ?? last?.lastExitCode ?? null,
        imageDigest: told.imageDigest || (isSameSource ? last.imageDigest : ""),
        oomEvents: oomEventsOf(told, last),
        network: told.network ?? last?.network ?? null,
      },
      nowMs,
    );
  }

  /** True when anything changed. */
  hear(watch: EngineWatch, event: EngineEvent, nowMs: number): boolean {
    const { engine } = watch;
    if (engine === null) return false;
    this.#toldBy(watch, nowMs);
    const { id, name, image, labels } = event;
    const state = event.action === "create" ? "created" : "running";
    const last =
      this.facts?.source === engine.source
        ? this.facts
        : factsFrom({ ...engine, id, name, image, labels, state });
    const changes = changesOf(event, last);
    const oomEvents = this.#countOom(event.action, oomEventsOf(last, last));
    // All that series are named by; what an inspection adds can come later.
    if (name !== "" && image !== "") this.isSettled = true;
    return this.set({ ...last, oomEvents, name: name || last.name, ...changes }, nowMs);
  }

  /** No runtime and no file has told of it yet. */
  get hasOnlyPath(): boolean {
    return this.watch === null && (this.facts === null || this.facts.source === "cgroup");
  }

  /** Not all is known yet, but soon will be: its series would only end again. */
  isAwaited(nowMs: number): boolean {
    return this.watch !== null && this.facts?.imageDigest === "" && nowMs - this.toldAtMs < SOON_MS;
  }

  /** False when nothing changed: then `facts` stay the same object. */
  set(facts: ContainerFacts, nowMs: number): boolean {
    if (JSON.stringify(facts) === JSON.stringify(this.facts)) return false;
    this.facts = facts;
    const isEnded = facts.state !== null && ENDED.has(facts.state);
    if (!isEnded) this.endedAtMs = null;
    else this.endedAtMs ??= nowMs;
    return true;
  }

  #countOom(action: string, last: OomEvents | null): OomEvents | null {
    if (action === "start") this.#hasOomEvent = false;
    if (action !== "oom" || last === null) return last;
    const runs = last.runs + (this.#hasOomEvent ? 0 : 1);
    this.#hasOomEvent = true;
    return { events: last.events + 1, runs };
  }

  #toldBy(watch: EngineWatch, nowMs: number): void {
    this.watch = watch;
    if (Number.isNaN(this.toldAtMs)) this.toldAtMs = nowMs;
  }

  /** No one could tell more. */
  settle(runtimeHint: string, nowMs: number): ContainerFacts {
    const facts = this.facts ?? factsOfPath(this.id, runtimeHint, this.cgroupPath);
    this.isSettled = true;
    this.set(facts, nowMs);
    return this.facts ?? facts;
  }
}

/** Only Docker sends them. */
function oomEventsOf(told: ContainerFacts, last: ContainerFacts | null): OomEvents | null {
  if (told.source !== "docker-socket") return null;
  return last?.oomEvents ?? { events: 0, runs: 0 };
}

function changesOf(event: EngineEvent, last: ContainerFacts): Partial<ContainerFacts> {
  switch (event.action) {
    case "start":
      // It may have another address now; the inspection that follows tells.
      return { state: "running", network: null };
    case "unpause":
      return { state: "running" };
    case "pause":
      return { state: "paused" };
    case "die":
      return { state: "exited", lastExitCode: event.exitCode ?? last.lastExitCode };
    case "health_status":
      return event.health === null ? {} : { health: event.health };
    default:
      return {};
  }
}
