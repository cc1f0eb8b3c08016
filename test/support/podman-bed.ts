import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { BUSYBOX, type ContainerBed } from "./container-bed.ts";
import type { JournalBed } from "./journal-bed.ts";

const CGROUPS = "/sys/fs/cgroup";
const GRAPHROOT = "/srv/podman";
const execute = promisify(execFile);

/** Podman with a storage of the test's own below the root of a journal's bed. */
export class PodmanBed implements AsyncDisposable {
  readonly #journal: JournalBed;
  readonly #directory: string;

  private constructor(journal: JournalBed) {
    this.#journal = journal;
    this.#directory = join(journal.hostRoot, "podman");
    const graphroot = join(journal.hostRoot, GRAPHROOT);
    mkdirSync(join(journal.hostRoot, "etc/containers"), { recursive: true });
    for (const path of [graphroot, this.#directory]) mkdirSync(path, { recursive: true });
    const storage = (root: string) =>
      `[storage]\ndriver = "overlay"\ngraphroot = "${root}"\nrunroot = "${this.#directory}/run"\n`;
    writeFileSync(join(journal.hostRoot, "etc/containers/storage.conf"), storage(GRAPHROOT));
    this.#write("storage.conf", storage(graphroot));
    this.#write("registries.conf", "unqualified-search-registries = []\n");
    // Rlimits above the hard limit need CAP_SYS_RESOURCE: lower ones are named.
    this.#write(
      "containers.conf",
      `[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "${this.#directory}/tmp"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
`,
    );
  }

  /** With the image that the containers of Docker have. */
  static async open(journal: JournalBed, docker: ContainerBed): Promise<PodmanBed> {
    const bed = new PodmanBed(journal);
    await bed.podman("import", "--quiet", join(docker.directory, "image.tar"), BUSYBOX);
    return bed;
  }

  async podman(...args: string[]): Promise<string> {
    const names = ["CONTAINERS_STORAGE_CONF", "CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF"];
    const files = ["storage.conf", "containers.conf", "registries.conf"];
    const settings = names.map((name, n) => `${name}=${join(this.#directory, files[n] ?? "")}`);
    const namespace = `--mount=${this.#journal.mountNamespace}`;
    const command = [namespace, "env", ...settings, "podman", ...args];
    const { stdout } = await execute("nsenter", command);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.podman("rm", "--all", "--force", "--time=0");
    await this.podman("image", "rm", "--all", "--force");
    for (const hierarchy of readdirSync(CGROUPS)) {
      for (const name of ["libpod_parent/conmon", "libpod_parent"]) {
        await rmdir(join(CGROUPS, hierarchy, name)).catch(() => {}); // not there, or in use
      }
    }
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#directory, name), text);
  }
}

/** Why there is no Podman here; null when there is. */
export function whyNoPodman(): string | null {
  return spawnSync("which", ["podman", "conmon", "runc"]).status === 0 ? null : "no podman";
}
