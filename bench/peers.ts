import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { hasHierarchies, OwnCgroup } from "./own-cgroup.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const SCRIPTS = join(SHARED, "peers");
const BUILT = ["containers", "floor"];
/** Daemons lie where a user's PATH may not lead. */
const PATH = [process.env["PATH"], "/usr/sbin", "/sbin"].join(delimiter);

/** What each tool of a_collect.py starts. */
const PROGRAMS = {
  floor: [],
  agent: [],
  node_exporter: ["prometheus-node-exporter", "prometheus"],
  collectd: ["collectd"],
  netdata_lean: ["netdata"],
} as const;

export type Tool = keyof typeof PROGRAMS;

/** What is measured in one go of a_collect.py: tools one after the other, each over `seconds`. */
export type Stage = {
  readonly containers: number;
  readonly seconds: number;
  readonly tools: readonly Tool[];
};

export type Measured = {
  readonly tool: Tool;
  readonly containers: number;
  readonly cpu: number; // CPU-seconds a minute
  readonly rssMiB: number;
};

/** Why the peers' scripts cannot run here, or null. */
export function peersFault(): string | null {
  if (!existsSync(join(SCRIPTS, "a_collect.py"))) {
    return "there is no peers/a_collect.py: set TELLTALE_SHARED to the folder that peers lies in";
  }
  if (process.getuid?.() !== 0) return "the stand-ins for containers need root";
  if (!hasHierarchies()) return "the stand-ins for containers need the hierarchies of cgroup v1";
  const missing = ["cc", "python3", "unshare"].filter((name) => !isInstalled(name));
  return missing.length === 0 ? null : `not installed: ${missing.join(", ")}`;
}

export function canRun(tool: Tool): boolean {
  return PROGRAMS[tool].every(isInstalled);
}

/** The peers' scripts, with a folder of their own and, where that is possible, cgroups too. */
export class Peers implements Disposable {
  readonly #directory: string;
  readonly #agent: string;
  readonly #cgroup: OwnCgroup | null;

  /** @param agent the agent's command line */
  constructor(directory: string, agent: string, cgroup: OwnCgroup | null) {
    this.#directory = directory;
    this.#agent = agent;
    this.#cgroup = cgroup;
  }

  static async open(directory: string, agent: string): Promise<Peers> {
    for (const name of BUILT) {
      execFileSync("cc", ["-O2", "-o", join(directory, name), join(SCRIPTS, `${name}.c`)]);
    }
    const cgroup = new OwnCgroup();
    const fault = cgroup.fault();
    if (fault === null) return new Peers(directory, agent, cgroup);
    cgroup[Symbol.dispose]();
    process.stderr.write(`The machine's other cgroups are seen too: ${fault}\n`);
    return new Peers(directory, agent, null);
  }

  /** Measures one tool after the other; `onMeasured` is called while the tool still runs. */
  async run(
    { containers, seconds, tools }: Stage,
    signal: AbortSignal,
    onMeasured: (measured: Measured) => Promise<void> | void,
  ): Promise<void> {
    signal.throwIfAborted();
    const script = ["python3", "-B", join(SCRIPTS, "a_collect.py")];
    const flags = ["-n", String(containers), "-s", String(seconds), "--only", tools.join(",")];
    const command = [...script, ...flags];
    const [file = "", ...args] = this.#cgroup?.inside(command) ?? command;
    const child = spawn(file, args, {
      detached: true, // a Ctrl-C comes from here and once
      env: this.#environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const stop = () => child.kill("SIGINT"); // it ends what it started
    signal.addEventListener("abort", stop);
    const ended = once(child, "close");
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const measured = parseLine(line);
        if (measured !== null) await onMeasured(measured);
      }
    } finally {
      if (child.exitCode === null) stop();
      await ended;
      signal.removeEventListener("abort", stop);
    }
    signal.throwIfAborted();
    if (child.exitCode !== 0) throw new Error(`a_collect.py ended with ${child.exitCode}`);
  }

  /** What the agent and the others said. */
  log(name: string): string {
    const path = join(this.#directory, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  [Symbol.dispose](): void {
    this.#cgroup?.[Symbol.dispose]();
  }

  /** As little as a service has: what npm and a shell set must not change what is measured. */
  #environment(): NodeJS.ProcessEnv {
    const { HOME, LANG } = process.env;
    return { HOME, LANG, PATH, PEERS_TMP: this.#directory, PEERS_AGENT: this.#agent };
  }
}

/** Null for what is not about one of our tools. @throws Error when a tool could not be measured */
function parseLine(line: string): Measured | null {
  const result = JSON.parse(line) as {
    readonly what: string;
    readonly n: number;
    readonly cpu_s_per_min: number;
    readonly rss_mib?: number;
    readonly maxrss_mib?: number;
    readonly missing_files?: number;
    readonly alive?: boolean;
    readonly error?: string;
  };
  const tool = result.what.replace(/^A\./, "");
  if (!isTool(tool)) return null;
  const { n: containers, cpu_s_per_min: cpu, rss_mib, maxrss_mib, missing_files, alive } = result;
  const isWhole = result.error === undefined && alive !== false && (missing_files ?? 0) === 0;
  if (!isWhole) throw new Error(`${tool} could not be measured: ${line}`);
  return { tool, containers, cpu, rssMiB: rss_mib ?? maxrss_mib ?? Number.NaN };
}

function isTool(name: string): name is Tool {
  return name in PROGRAMS;
}

function isInstalled(name: string): boolean {
  return PATH.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false; // not there
    }
  });
}
