import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killAtExit } from "../test/support/programs.ts";

const ROLES = ["burst", "disk", "network", "idle", "memory", "forks"] as const;
const WORKER = join(import.meta.dirname, "mixed-load-worker.js");
/** Containers that hardly do anything, as most on a machine. */
const QUIET = ["sleep 86400", "sleep 86400", "sleep 86400", every(2), every(5), every(30)];

/**
 * A machine at work, lightly: six processes that burn, write, talk, allocate and fork now and then,
 * and six that sleep; niced, each in a cgroup of its own as a container's. All are ended in the end.
 */
export class MixedLoad implements AsyncDisposable {
  readonly #processes: ChildProcess[] = [];
  readonly #parents: readonly string[];

  /**
   * @param directory for what is written to disk
   * @param parents cgroups, one a hierarchy, to make the groups in; who made them removes them
   */
  constructor(directory: string, parents: readonly string[]) {
    this.#parents = parents;
    ROLES.forEach((role, index) => {
      const folder = join(directory, role);
      mkdirSync(folder, { recursive: true });
      this.#start([process.execPath, WORKER, role, folder, String(index + 1)]);
    });
    for (const script of QUIET) this.#start(["sh", "-c", script]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  }

  #start(command: readonly string[]): void {
    const child = spawn("nice", ["-n", "10", ...command], { stdio: "ignore" });
    killAtExit(child);
    this.#processes.push(child);
    const name = this.#processes.length.toString(16).padStart(64, "0");
    for (const parent of this.#parents) {
      const group = join(parent, "docker", name);
      mkdirSync(group, { recursive: true });
      writeFileSync(join(group, "cgroup.procs"), String(child.pid));
    }
  }
}

function every(seconds: number): string {
  return `while sleep ${seconds}; do :; done`;
}
