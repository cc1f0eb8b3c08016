import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { directoryForTest } from "../support/directory-for-test.ts";
import { collectContext, faultCounts } from "../unit/collect/recording-sink.ts";

/** A host that has the files that a test writes and no others; gone when the test has finished. */
export class HostOnDisk {
  readonly root = directoryForTest();
  readonly context = collectContext(this.root);
  readonly sink = this.context.sink;

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  write(path: string, content: string | Uint8Array): void {
    mkdirSync(join(this.root, dirname(path)), { recursive: true });
    writeFileSync(join(this.root, path), content);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  faultCounts(): Record<string, number> {
    return faultCounts(this.context);
  }
}

/** What this process has open. */
export function openFiles(): string[] {
  return readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // the list itself
    }
  });
}

/** A process in a real cgroup that does nothing; it ends with the test at the latest. */
export async function sleeperIn(cgroup: string) {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
    await delay(100); // the cgroup is empty a little later
  };
  onTestFinished(end);
  writeFileSync(join(cgroup, "cgroup.procs"), `${child.pid}`);
  return { pid: `${child.pid}`, end };
}
