import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { Bed, freePorts, killAtExit } from "../programs.ts";

type Started = { readonly command: readonly string[]; child: ChildProcess };

export type StartOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Who it runs as where this process is root's, if it does not want to be. */
  readonly user?: string;
};

/** Programs on loopback with files in one folder; all of it goes away in the end. */
export class ExporterBed implements AsyncDisposable {
  readonly #bed: Bed;
  readonly #started = new Map<string, Started & { readonly options: StartOptions }>();

  private constructor(bed: Bed) {
    this.#bed = bed;
    chmodSync(bed.directory, 0o711);
  }

  static async open(): Promise<ExporterBed> {
    return new ExporterBed(await Bed.open());
  }

  path(...names: string[]): string {
    return this.#bed.path(...names);
  }

  write(name: string, text: string): string {
    return this.#bed.write(name, text);
  }

  /** A folder that belongs to the user. */
  folder(name: string, user: string): string {
    const path = this.path(name);
    mkdirSync(path);
    const ids = idsOf(user);
    if (ids !== null) chownSync(path, ids.uid, ids.gid);
    return path;
  }

  async port(): Promise<number> {
    return (await freePorts())[0];
  }

  /** Runs a program to its end. */
  run(command: readonly string[], user?: string): void {
    const [program = "", ...args] = command;
    const ids = user === undefined ? null : idsOf(user);
    execFileSync(program, args, { stdio: "ignore", cwd: this.path(), ...ids });
  }

  /** What it writes goes to `NAME.log` of the folder. */
  start(name: string, command: readonly string[], options: StartOptions = {}): void {
    const [program = "", ...args] = command;
    const log = openSync(this.path(`${name}.log`), "a");
    const ids = options.user === undefined ? null : idsOf(options.user);
    const child = spawn(program, args, {
      stdio: ["ignore", log, log],
      cwd: this.path(),
      env: { ...process.env, ...options.env },
      ...ids,
    });
    killAtExit(child);
    this.#started.set(name, { command, options, child });
  }

  log(name: string): string {
    return readFileSync(this.path(`${name}.log`), "utf8");
  }

  async kill(name: string): Promise<void> {
    const child = this.#started.get(name)?.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** What was killed, as it was started. */
  restart(name: string): void {
    const { command, options } = this.#started.get(name) ?? { command: [] };
    this.start(name, command, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#started.keys()) await this.kill(name);
    await this.#bed[Symbol.asyncDispose]();
  }
}

/** Null: this process is not root's, and can be nobody else. */
function idsOf(user: string): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync("id", [flag, user], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
