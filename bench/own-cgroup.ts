import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";
/** What the peers' stand-ins for containers have groups in. */
const CONTROLLERS = ["cpu", "cpuacct", "memory", "blkio", "pids"];

/** $1: hierarchies; $2: group; $3: what to run inside; then the command. */
const ENTER = `
names=$1 group=$2 inside=$3; shift 3
for name in $names; do echo $$ > "/sys/fs/cgroup/$name/$group/cgroup.procs"; done
exec unshare -C -m --propagation private sh -euc "$inside" sh "$names" "$@"
`;

/** Mounts over the machine's own, in a mount namespace that nothing else is in. */
const INSIDE = `
names=$1; shift
mount -t tmpfs none /sys/fs/cgroup
for name in $names; do
  mkdir "/sys/fs/cgroup/$name"
  mount -t cgroup -o "$name" none "/sys/fs/cgroup/$name"
  for one in $(echo "$name" | tr , ' '); do
    [ "$one" = "$name" ] || ln -s "$name" "/sys/fs/cgroup/$one"
  done
done
exec "$@"
`;

/**
 * A cgroup in each v1 hierarchy that looks like the root from inside, so that what runs in it sees no
 * other groups of the machine. All that is left in it is ended and the groups are removed in the end,
 * at the latest when this process exits.
 */
export class OwnCgroup implements Disposable {
  readonly #group = `telltale-bench-${process.pid}`;
  readonly #hierarchies = hierarchies();

  constructor() {
    for (const path of this.paths) mkdirSync(path);
    process.once("exit", () => this[Symbol.dispose]());
  }

  /** The command, to be run inside; it takes the place of the process that is started. */
  inside(command: readonly string[]): string[] {
    const names = this.#hierarchies.join(" ");
    return ["sh", "-euc", ENTER, "sh", names, this.#group, INSIDE, ...command];
  }

  /** Why nothing can run inside, or null. */
  fault(): string | null {
    const [file = "", ...args] = this.inside(["true"]);
    try {
      execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
      return null;
    } catch (error) {
      return String(error).trim();
    }
  }

  [Symbol.dispose](): void {
    for (const path of this.paths) if (existsSync(path)) removeGroup(path);
  }

  /** The group in each hierarchy. */
  get paths(): string[] {
    return this.#hierarchies.map((name) => join(ROOT, name, this.#group));
  }
}

/** Whether the machine has each of the controllers in a v1 hierarchy. */
export function hasHierarchies(): boolean {
  return CONTROLLERS.every((name) => existsSync(join(ROOT, name, "cgroup.procs")));
}

/** Such as `cpu,cpuacct`, where one has several controllers. */
function hierarchies(): string[] {
  const names = readFileSync("/proc/self/cgroup", "utf8")
    .split("\n")
    .map((line) => line.split(":")[1] ?? "");
  return names.filter((name) => name.split(",").some((one) => CONTROLLERS.includes(one)));
}

function removeGroup(path: string): void {
  const inner = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of inner) removeGroup(join(path, name));
  for (let attempt = 1; ; attempt += 1) {
    try {
      const pids = readFileSync(join(path, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
      for (const pid of pids) process.kill(Number(pid), "SIGKILL");
      rmdirSync(path);
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20); // at exit nothing else waits
    }
  }
}
