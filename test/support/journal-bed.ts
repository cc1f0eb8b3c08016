import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually, killAtExit } from "./programs.ts";

const JOURNALD = "/lib/systemd/systemd-journald";
const TOOLS = ["unshare", "nsenter", "systemd-cat", "logger", "journalctl"];
const CONFIG =
  "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\nRuntimeMaxUse=64M\n";
const execute = promisify(execFile);

/**
 * The real systemd-journald, without systemd, in a mount namespace of its own: its sockets and its
 * journal lie in `hostRoot`, where they would lie below /.
 */
export class JournalBed implements AsyncDisposable {
  readonly hostRoot = mkdtempSync(join(tmpdir(), "telltale-journal-"));
  #daemon: ChildProcess;

  private constructor() {
    mkdirSync(this.#at("run/systemd/journald.conf.d"), { recursive: true });
    mkdirSync(this.#at("run/log/journal"), { recursive: true });
    writeFileSync(this.#at("run/systemd/journald.conf.d/test.conf"), CONFIG);
    this.#daemon = this.#start();
  }

  static async open(): Promise<JournalBed> {
    const bed = new JournalBed();
    await bed.#isUp();
    return bed;
  }

  /** For `nsenter --mount=`: what runs there sees this journald. */
  get mountNamespace(): string {
    return `/proc/${this.#daemon.pid}/ns/mnt`;
  }

  /** Ends the daemon as a crash would, and starts another one. */
  async restart(): Promise<void> {
    this.#daemon.kill("SIGKILL");
    await once(this.#daemon, "exit");
    this.#daemon = this.#start();
    await this.#isUp();
  }

  /** A program prints it on its standard output. */
  async print(identifier: string, text: string | Uint8Array, priority = "info"): Promise<void> {
    await this.run("systemd-cat", ["-t", identifier, "-p", priority], text);
  }

  /** A program logs it by the native protocol, with these fields. */
  async log(fields: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(fields).map(([name, value]) => `${name}=${value}\n`);
    await this.run("logger", ["--journald"], lines.join(""));
  }

  /** Runs a program where this journald is the machine's. */
  async run(program: string, args: readonly string[], input: string | Uint8Array = "") {
    const running = execute("nsenter", [`--mount=${this.mountNamespace}`, program, ...args]);
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      this.#daemon.kill("SIGKILL");
      await once(this.#daemon, "exit");
    }
    rmSync(this.hostRoot, { recursive: true, force: true });
  }

  #start(): ChildProcess {
    const binds = ["run/systemd", "run/log"].map((path) => `mount --bind "$1/${path}" /${path}`);
    const script = [...binds, `exec ${JOURNALD}`].join(" && ");
    const args = ["--mount", "sh", "-c", script, "sh", this.hostRoot];
    const daemon = spawn("unshare", args, { stdio: ["ignore", "ignore", "inherit"] });
    killAtExit(daemon);
    return daemon;
  }

  async #isUp(): Promise<void> {
    await eventually(async () => {
      if (this.#daemon.exitCode !== null) throw new Error("systemd-journald ended");
      return await this.print("bed", "is up").then(
        () => existsSync(this.#at("run/systemd/journal/stdout")),
        () => false,
      );
    });
  }

  #at(path: string): string {
    return join(this.hostRoot, path);
  }
}

/** Why no journald can be run here; null when it can. */
export function whyNoJournal(): string | null {
  if (process.getuid?.() !== 0) return "a journald of the test's own needs root";
  if (!existsSync("/etc/machine-id")) return "there is no /etc/machine-id";
  const isMissing = (tool: string) => spawnSync("which", [tool]).status !== 0;
  const missing = [...TOOLS.filter(isMissing), ...(existsSync(JOURNALD) ? [] : ["systemd"])];
  return missing.length > 0 ? `not installed: ${missing.join(", ")}` : null;
}
