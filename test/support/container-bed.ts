import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { JournalBed } from "./journal-bed.ts";
import { eventually, killAtExit } from "./programs.ts";

export const BUSYBOX = "testbed/busybox:1";

const TOOLS = ["dockerd", "docker", "runc", "iptables", "ip", "busybox", "nsenter"];
const CGROUPS = "/sys/fs/cgroup";
const execute = promisify(execFile);

export type Container = {
  readonly id: string;
  readonly name: string;
};

/**
 * A Docker daemon of the test's own; all of it goes away. A network namespace of its own keeps its
 * bridge and its iptables rules from the machine; /sys stays the machine's, which `ip netns exec`
 * would hide.
 */
export class ContainerBed implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "telltale-bed-"));
  readonly #socket = join(this.directory, "docker/docker.sock");
  readonly #network = basename(this.directory);
  readonly #daemon: ChildProcess;
  readonly #journal: JournalBed | null;

  private constructor(journal: JournalBed | null) {
    this.#journal = journal;
    mkdirSync(dirname(this.#socket));
    execFileSync("ip", ["netns", "add", this.#network]);
    this.#daemon = this.#inNetwork("dockerd", [
      ...["--host", `unix://${this.#socket}`, "--storage-driver", "overlay2"],
      ...["--data-root", join(this.directory, "docker/data")],
      ...["--exec-root", join(this.directory, "docker/exec")],
      ...["--pidfile", join(this.directory, "docker/dockerd.pid")],
      ...["--exec-opt", "native.cgroupdriver=cgroupfs"],
    ]);
    killAtExit(this.#daemon);
  }

  /** @param journal one that its containers may log to; both have its root */
  static async open(journal: JournalBed | null = null): Promise<ContainerBed> {
    const bed = new ContainerBed(journal);
    try {
      await once(bed.#inNetwork("ip", ["link", "set", "lo", "up"]), "exit");
      await eventually(() =>
        bed
          .docker("info")
          .then(() => true)
          .catch(() => bed.#mustRun()),
      );
      await bed.#makeImage();
      bed.#makeHostRoot();
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
    return bed;
  }

  /** For `--host-root`: this machine's /proc and /sys, and this daemon where one usually is. */
  get hostRoot(): string {
    return this.#journal?.hostRoot ?? join(this.directory, "root");
  }

  /** Runs a command where the containers can be reached. */
  get launcher(): readonly string[] {
    return ["nsenter", `--net=/run/netns/${this.#network}`];
  }

  async docker(...args: string[]): Promise<string> {
    const { stdout } = await execute("docker", ["--host", `unix://${this.#socket}`, ...args]);
    return stdout;
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
    if (this.#daemon.exitCode === null) {
      const ids = (await this.docker("ps", "--all", "--quiet").catch(() => "")).split("\n");
      await Promise.allSettled(ids.filter(Boolean).map((id) => this.docker("rm", "--force", id)));
      this.#daemon.kill();
      await once(this.#daemon, "exit");
    }
    await execute("umount", ["-l", join(this.directory, "docker/exec/netns/default")]).catch(() => {
      // It is mounted once a container has run.
    });
    await execute("ip", ["netns", "del", this.#network]);
    removeEmptyCgroups();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #inNetwork(program: string, args: readonly string[]): ChildProcess {
    const log = openSync(join(this.directory, "docker", `${program}.log`), "a");
    const mount = this.#journal === null ? [] : [`--mount=${this.#journal.mountNamespace}`];
    const command = [`--net=/run/netns/${this.#network}`, ...mount, program, ...args];
    return spawn("nsenter", command, { stdio: ["ignore", log, log] });
  }

  #mustRun(): false {
    if (this.#daemon.exitCode === null) return false;
    const log = readFileSync(join(this.directory, "docker/dockerd.log"), "utf8");
    throw new Error(`dockerd ended:\n${log.slice(-2000)}`);
  }

  async #makeImage(): Promise<void> {
    const root = join(this.directory, "image");
    for (const folder of ["bin", "etc", "proc", "sys", "dev", "tmp"]) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    const busybox = join(root, "bin/busybox");
    copyFileSync(pathOf("busybox") ?? "busybox", busybox);
    const { stdout } = await execute(busybox, ["--list"]);
    for (const applet of stdout.split("\n").filter((name) => name !== "" && name !== "busybox")) {
      symlinkSync("busybox", join(root, "bin", applet));
    }
    const archive = join(this.directory, "image.tar");
    await execute("tar", ["-C", root, "-cf", archive, "."]);
    await this.docker("import", archive, BUSYBOX);
  }

  #makeHostRoot(): void {
    const place = dirname(this.directory);
    for (const folder of ["run", "var/lib", place]) {
      mkdirSync(join(this.hostRoot, folder), { recursive: true });
    }
    const links = [
      ["/proc", "proc"],
      ["/sys", "sys"],
      [this.#socket, "run/docker.sock"],
      [join(this.hostRoot, "run"), "var/run"],
      [join(this.directory, "docker/data"), "var/lib/docker"],
      // Where the link before leads to, as seen from this root.
      [this.directory, this.directory],
    ] as const;
    for (const [target, name] of links) symlinkSync(target, join(this.hostRoot, name));
  }
}

/** The parents that the daemon leaves behind in each hierarchy; other daemons' are not empty. */
function removeEmptyCgroups(): void {
  for (const hierarchy of ["", ...readdirSync(CGROUPS)]) {
    for (const name of ["docker/buildkit", "docker"]) {
      try {
        rmdirSync(join(CGROUPS, hierarchy, name));
      } catch {
        // Not there, or in use.
      }
    }
  }
}

/** Why no containers can be run here; null when they can. */
export function whyNoContainers(): string | null {
  if (process.getuid?.() !== 0) return "containers need root";
  const missing = TOOLS.filter((tool) => pathOf(tool) === null);
  return missing.length > 0 ? `not installed: ${missing.join(", ")}` : null;
}

function pathOf(program: string): string | null {
  const { status, stdout } = spawnSync("which", [program], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
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
      const file = join(CGROUPS, path, name);
      if (existsSync(file)) return readFileSync(file, "utf8");
    }
  }
  return null;
}

/** As the kernel counted them. */
export function oomKillsOf(container: Container): number {
  const text = readCgroupFile(container, ["memory.oom_control", "memory.events"]) ?? "";
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1]);
}
