import { execFile } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const SCRIPT = join(SHARED, "testbed/containers.sh");
/** What the script would install otherwise: no test installs packages. */
const TOOLS = ["dockerd", "runc", "iptables", "ip", "busybox", "podman", "nsenter"];

export const BUSYBOX = "testbed/busybox:1";

const execute = promisify(execFile);

export type Container = {
  readonly id: string;
  readonly name: string;
};

/** A docker daemon of the test's own, in a network namespace of its own; all of it goes away. */
export class ContainerBed implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "telltale-bed-"));
  readonly #environment: NodeJS.ProcessEnv;

  private constructor() {
    this.#environment = {
      ...process.env,
      TESTBED_DIR: this.directory,
      TESTBED_NETNS: basename(this.directory),
    };
  }

  static async open(): Promise<ContainerBed> {
    const bed = new ContainerBed();
    try {
      await bed.#script("up");
      bed.#makeHostRoot();
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
    return bed;
  }

  /** For `--host-root`: this machine's /proc and /sys, and this daemon where one usually is. */
  get hostRoot(): string {
    return join(this.directory, "root");
  }

  async docker(...args: string[]): Promise<string> {
    return await this.#script("docker", ...args);
  }

  /** Starts a container of busybox that runs the shell's command. */
  async run(name: string, command: string, options: readonly string[] = []): Promise<Container> {
    const args = ["run", "--detach", "--name", name, ...options, BUSYBOX, "sh", "-c", command];
    const id = (await this.docker(...args)).trim();
    return { id, name };
  }

  async inspect(name: string, format: string): Promise<string> {
    return (await this.docker("inspect", "--format", format, name)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script("down");
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #script(...args: string[]): Promise<string> {
    const { stdout } = await execute(SCRIPT, args, { env: this.#environment });
    return stdout;
  }

  #makeHostRoot(): void {
    const place = dirname(this.directory);
    for (const folder of ["run", "var/lib", place]) {
      mkdirSync(join(this.hostRoot, folder), { recursive: true });
    }
    const links = [
      ["/proc", "proc"],
      ["/sys", "sys"],
      [join(this.directory, "docker/docker.sock"), "run/docker.sock"],
      [join(this.hostRoot, "run"), "var/run"],
      [join(this.directory, "docker/data"), "var/lib/docker"],
      // Where the link before leads to, as seen from this root.
      [this.directory, this.directory],
    ] as const;
    for (const [target, name] of links) symlinkSync(target, join(this.hostRoot, name));
  }
}

/** Why no containers can be run here; null when they can. */
export function whyNoContainers(): string | null {
  if (!existsSync(SCRIPT)) return "there is no testbed/containers.sh: set TELLTALE_SHARED";
  if (process.getuid?.() !== 0) return "containers need root";
  const missing = TOOLS.filter((tool) => !isInstalled(tool));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  return null;
}

function isInstalled(tool: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The whole disk that a directory is on; null where that is none, as with tmpfs. */
export function diskOf(directory: string): string | null {
  const device = statSync(directory).dev;
  // As glibc packs them: 12 bits of the major number lie between the parts of the minor one.
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  const link = `/sys/dev/block/${major}:${minor}`;
  if (!existsSync(link)) return null;
  const path = realpathSync(link);
  const disk = existsSync(join(path, "partition")) ? dirname(path) : path;
  return `/dev/${basename(disk)}`;
}

/** The first of the files that the container's cgroup has, of any hierarchy; null: it is gone. */
export function readCgroupFile({ id }: Container, names: readonly string[]): string | null {
  for (const name of names) {
    const folder = name.split(".")[0] ?? "";
    for (const path of [`${folder}/docker/${id}`, `docker/${id}`]) {
      const file = join("/sys/fs/cgroup", path, name);
      if (existsSync(file)) return readFileSync(file, "utf8");
    }
  }
  return null;
}
