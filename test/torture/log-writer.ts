import { execFile } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What logrotate is told, one a log. All but those that truncate have the program reopen its log. */
const STYLES = [
  "create",
  "copytruncate",
  "create\ncompress",
  "create\ncompress\ndelaycompress",
  "copytruncate\ncompress\ndelaycompress",
  "create\ndateext\ndateformat -%Y%m%d-%s",
] as const;
/** Rotated files that are kept; the oldest is deleted. */
const KEPT = 40;
const PAD =
  '"level":"info","msg":"request completed by a worker of the pool","status":200,"ms":12}';

/** Lines that were written at once. */
type Written = { readonly from: number; readonly to: number; readonly atMs: number };

/** A program that writes numbered lines, and logrotate, which runs while it goes on writing. */
export class LogWriter {
  readonly path: string;
  readonly style: (typeof STYLES)[number];
  lines = 0;
  rotations = 0;
  bytes = 0;
  readonly #n: number;
  readonly #written: Written[] = [];
  readonly #config: string;
  readonly #state: string;
  #descriptor: number;
  #rotating: Promise<void> | null = null;

  /** @param directory for what logrotate needs */
  constructor(logs: string, directory: string, n: number) {
    this.#n = n;
    this.style = STYLES[n % STYLES.length] ?? "create";
    this.path = join(logs, `app-${n}.log`);
    this.#config = join(directory, `${n}.conf`);
    this.#state = join(directory, `${n}.state`);
    this.#descriptor = openSync(this.path, "a");
    const reopen = `postrotate\ntouch ${this.#asked}\n${waitWhile(this.#asked)}\nendscript\n`;
    const script = this.truncates ? "" : reopen;
    const text = `${this.path} {\nrotate ${KEPT}\n${this.style}\n${script}}\n`;
    writeFileSync(this.#config, text, { mode: 0o644 });
  }

  get truncates(): boolean {
    return this.style.startsWith("copytruncate");
  }

  /** At least so many bytes, all in one write. */
  write(bytes: number): void {
    const parts: string[] = [];
    const from = this.lines;
    for (let size = 0; size < bytes; this.lines += 1) {
      const line = `${this.lineStart(this.lines)}\n`;
      parts.push(line);
      size += line.length;
    }
    const count = writeSync(this.#descriptor, parts.join(""));
    this.bytes += count;
    this.#written.push({ from, to: this.lines, atMs: Date.now() });
  }

  /** The whole of the line with that number. */
  lineStart(seq: number): string {
    return `{"app":${this.#n},"seq":${seq},${PAD}`;
  }

  /** When the line was written, to the length of a turn. */
  writtenAtMs(seq: number): number {
    return this.#written.find(({ to }) => seq < to)?.atMs ?? Number.NaN;
  }

  /** Unless it is being rotated. */
  rotate(times: number): void {
    this.#rotating ??= this.#rotate(times).finally(() => {
      this.#rotating = null;
    });
  }

  /** To be called often: logrotate waits for it. */
  reopenIfAsked(): void {
    if (!existsSync(this.#asked)) return;
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.path, "a");
    rmSync(this.#asked);
  }

  get isRotating(): boolean {
    return this.#rotating !== null;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  get #asked(): string {
    return `${this.#config}.asked`;
  }

  async #rotate(times: number): Promise<void> {
    for (let n = 0; n < times; n += 1) {
      await run("logrotate", ["--force", "--state", this.#state, this.#config]);
      this.rotations += 1;
      // Names of dates have seconds.
      if (this.style.includes("dateext")) await new Promise((done) => setTimeout(done, 1100));
    }
  }
}

function waitWhile(path: string): string {
  return `while [ -e ${path} ]; do sleep 0.01; done`;
}
