import { ContainerDirectory } from "../../agent/collect/containers/container-directory.ts";
import type { Faults } from "../../agent/collect/context.ts";
import { type ContainerFacts, factsFrom } from "../../agent/containers/container-facts.ts";
import { MemoryLogger } from "./memory-logger.ts";

const CLOCK = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };

/** Knows all that there can be to know of whatever container it is asked for, and asks nobody. */
export class KnownContainers extends ContainerDirectory {
  readonly #known = new Map<string, { facts: ContainerFacts; cgroupPath: string }>();

  constructor(faults: Faults) {
    const logger = new MemoryLogger();
    super({ hostRoot: "/", clock: CLOCK, random: () => 0, logger, faults });
  }

  override lookup(id: string, _runtime: string, cgroupPath: string): ContainerFacts {
    const facts = this.#known.get(id)?.facts ?? factsOf(id);
    this.#known.set(id, { facts, cgroupPath });
    return facts;
  }

  override forget(id: string): void {
    this.#known.delete(id);
  }

  override get changes(): number {
    return this.#known.size;
  }

  override *containers(): Generator<{ facts: ContainerFacts; cgroupPath: string }> {
    yield* this.#known.values();
  }

  override tidy(): void {
    // There is nobody to listen to.
  }
}

function factsOf(id: string): ContainerFacts {
  return factsFrom({
    source: "docker-socket",
    runtime: "docker",
    id,
    name: `container-${id.slice(0, 12)}`,
    image: "example/app:1",
    imageDigest: `sha256:${"0".repeat(64)}`,
    labels: { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" },
    pod: { name: "web-0", namespace: "shop", container: "web", uid: "1" },
    state: "running",
    restarts: 1,
    health: "healthy",
    lastExitCode: 0,
    oomEvents: { events: 0, runs: 0 },
  });
}
