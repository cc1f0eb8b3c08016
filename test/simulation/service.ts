import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { CrashKind } from "../support/memory-store.ts";
import type { Host, Process } from "./host.ts";
import type { Network } from "./network.ts";

/** A process that has not ended this long after it was asked to is killed, as systemd does. */
const STOP_PATIENCE_MS = 15_000;
const RESTART_MS = 1000;

export type ServiceParts = {
  readonly host: Host;
  readonly network: Network;
  /** Starts the program; the disposal ends it. */
  readonly boot: (process: Process) => Promise<AsyncDisposable>;
  /** A failure that no program may have. */
  readonly onBug: (what: string) => void;
};

/** A program on a host and who starts it again: it dies, is stopped, fails to start. */
export class Service {
  readonly #parts: ServiceParts;
  #process: Process | null = null;
  #app: AsyncDisposable | null = null;
  #isStopping = false;
  /** Lives so far. */
  lives = 0;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    parts.host.onCrash((kind) => this.#died(kind));
  }

  get process(): Process | null {
    return this.#process;
  }

  get isRunning(): boolean {
    return this.#app !== null && !this.#isStopping;
  }

  start(): void {
    if (this.#process !== null) return;
    const { host, boot, onBug } = this.#parts;
    const process = host.start();
    this.#process = process;
    this.lives += 1;
    host.world.trace.add("start", host.name, `life ${this.lives}`);
    const run = async () => {
      try {
        const app = await boot(process);
        if (process.isDead) return;
        this.#app = app;
        host.world.trace.add("started", host.name);
      } catch (error) {
        if (process.isDead) return;
        if (!(error instanceof OperationalError)) onBug(`${host.name} start: ${stackOf(error)}`);
        host.world.trace.add("start-failed", host.name, errorMessage(error));
        this.#exited(process);
        this.startLater(RESTART_MS);
      }
    };
    void run();
  }

  startLater(ms: number): void {
    const { clock } = this.#parts.host.world;
    void clock.sleep(ms).then(() => this.start());
  }

  crash(kind: CrashKind, downMs: number): void {
    this.#downMs = downMs;
    this.#parts.host.crash(kind);
  }

  crashInWrite(steps: number, kind: CrashKind, downMs: number): void {
    this.#downMs = downMs;
    this.#parts.host.crashAtWriteStep(steps, kind);
  }

  #downMs = RESTART_MS;

  /** Ends it as an operator would and starts it again. */
  stop(downMs: number): void {
    const { host, onBug } = this.#parts;
    const process = this.#process;
    const app = this.#app;
    if (process === null || app === null || this.#isStopping) return;
    this.#isStopping = true;
    host.world.trace.add("stop", host.name);
    const end = async () => {
      try {
        await app[Symbol.asyncDispose]();
      } catch (error) {
        onBug(`${host.name} stop: ${stackOf(error)}`);
      }
      if (process.isDead) return;
      host.world.trace.add("stopped", host.name);
      this.#exited(process);
      this.startLater(downMs);
    };
    void end();
    void host.world.clock.sleep(STOP_PATIENCE_MS).then(() => {
      if (!process.isDead) this.crash("kill", downMs);
    });
  }

  #exited(process: Process): void {
    const { host, network } = this.#parts;
    network.processExited(process);
    host.exit(process);
    this.#forget();
  }

  #died(kind: CrashKind): void {
    const { host, network } = this.#parts;
    const process = this.#process;
    if (process === null) return;
    host.world.trace.add(kind, host.name);
    network.processDied(process, kind);
    this.#forget();
    this.startLater(this.#downMs);
  }

  #forget(): void {
    this.#process = null;
    this.#app = null;
    this.#isStopping = false;
  }
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
