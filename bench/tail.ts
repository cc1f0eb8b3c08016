import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, killAtExit } from "../test/support/programs.ts";
import { SeededRandom } from "../test/support/random.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress, rounded } from "./report.ts";
import { tailMemory } from "./tail-memory.ts";

const LINE_BYTES = 200;
const BLOCK_LINES = 50_000;
const IDLE_FILES = 200;
const IDLE_WARM_MS = 30_000;
const IDLE_MS = 30_000;
const READ_MAX_MS = 240_000;
const TICKS_A_SECOND = 100; // of the kernel's CPU times

type Usage = { readonly lines: number; readonly cpuSeconds: number; readonly rssMiB: number };

/**
 * MB of a log of 200-byte lines per second of CPU time, from the file to what is durable on the disk:
 * the way of lines in the agent, with masking and joining and without, beside syslog-ng from file to
 * file where it is installed or unpacked (`SYSLOG_NG_ROOT`); what idle files cost, and the memory of a
 * whole agent. `--mb=200`, `--idle=no`, `--memory=no`.
 */
export async function tail(args: readonly string[]): Promise<BenchResult> {
  const argument = (name: string) =>
    args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
  const megabytes = Number(argument("mb") ?? 400);
  const directory = mkdtempSync(join(tmpdir(), "telltale-tail-"));
  try {
    const file = join(directory, "access.log");
    const text = logText();
    writeLog(file, text, megabytes * 1e6);
    const vs: Record<string, number> = {};
    const plain = await tailRate(directory, file, "plain");
    const whole = await tailRate(directory, file, "whole");
    vs["with_masking_and_joining"] = whole;
    const peer = await syslogNgRate(directory, file);
    if (peer === null) progress("syslog-ng is not installed: no comparison");
    else {
      vs["syslog_ng_file_to_file"] = peer;
      vs["ratio"] = rounded(plain / peer);
      vs["ratio_with_masking_and_joining"] = rounded(whole / peer);
    }
    if (argument("idle") !== "no") {
      const none = await idleCpu(directory, 0);
      vs["idle_cpu_seconds_a_minute_of_none"] = none;
      vs["idle_cpu_seconds_a_minute_of_200_files"] = await idleCpu(directory, IDLE_FILES);
    }
    if (argument("memory") !== "no") {
      progress("an agent that tails 5 MB/s, beside one that tails nothing");
      for (const [name, mebibytes] of Object.entries(await tailMemory(text))) {
        vs[name] = rounded(mebibytes);
      }
    }
    return { name: "tail", value: plain, unit: "MB per CPU-second", vs };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function logText(): string {
  const random = new SeededRandom("tail");
  return Array.from({ length: BLOCK_LINES }, () => jsonLine(random)).join("");
}

function writeLog(file: string, text: string, bytes: number): void {
  writeFileSync(file, "");
  for (let size = 0; size < bytes; size += text.length) writeFileSync(file, text, { flag: "a" });
}

function jsonLine(random: SeededRandom): string {
  const two = () => String(random.int(0, 59)).padStart(2, "0");
  const line = JSON.stringify({
    time: `2026-11-20T20:${two()}:${two()}.${random.int(100, 999)}Z`,
    ip: `10.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(0, 255)}`,
    method: random.pick(["GET", "GET", "GET", "POST", "PUT"]),
    path: `/api/v1/${random.pick(["users", "orders", "items"])}/${random.int(0, 999_999)}`,
    status: random.pick([200, 200, 200, 304, 404, 500]),
    bytes: random.int(100, 90_000),
    ua: "",
  });
  const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/119.0 ".repeat(3);
  return `${line.slice(0, -2)}${agent.slice(0, LINE_BYTES - 1 - line.length)}"}\n`;
}

/** The process that tails, and what it says of itself. */
class TailProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(pattern: string, store: string, how: string) {
    const script = join(import.meta.dirname, "tail-main.js");
    this.#child = spawn(process.execPath, [script, pattern, store, how], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    killAtExit(this.#child);
    if (this.#child.stdout === null) throw new Error("no output");
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async usage(): Promise<Usage> {
    this.#child.stdin?.write("\n");
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error("The tailer ended");
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

async function tailRate(directory: string, file: string, how: string): Promise<number> {
  progress(`tailing, ${how}`);
  const store = join(directory, `store-${how}`);
  await using process = new TailProcess(file, store, how);
  const bytes = statSync(file).size;
  let usage = await process.usage();
  const isRead = async () => {
    usage = await process.usage();
    return usage.lines >= Math.floor(bytes / LINE_BYTES) - 1; // the last one may be held
  };
  await eventually(isRead, READ_MAX_MS);
  return Math.round(bytes / 1e6 / usage.cpuSeconds);
}

async function idleCpu(directory: string, files: number): Promise<number> {
  progress(`${files} idle files`);
  const logs = join(directory, `idle-${files}`);
  mkdirSync(logs);
  for (let n = 0; n < files; n += 1) writeFileSync(join(logs, `${n}.log`), "one line\n");
  await using process = new TailProcess(
    join(logs, "*.log"),
    join(directory, `store-${files}`),
    "whole",
  );
  await process.usage();
  await delay(IDLE_WARM_MS);
  const before = await process.usage();
  await delay(IDLE_MS);
  const { cpuSeconds } = await process.usage();
  return rounded(((cpuSeconds - before.cpuSeconds) * 60_000) / IDLE_MS);
}

/** Null when there is none. */
async function syslogNgRate(directory: string, file: string): Promise<number | null> {
  const root = process.env["SYSLOG_NG_ROOT"] ?? "";
  const program = `${root}/usr/sbin/syslog-ng`;
  if (!existsSync(program)) return null;
  progress("syslog-ng, file to file");
  const at = (name: string) => join(directory, name);
  const options = "stats-freq(0); use-dns(no); chain-hostnames(no); keep-hostname(yes);";
  const how = "follow-freq(1) flags(no-parse) log-fetch-limit(1000) log-iw-size(10000)";
  const text = `@version: 3.38
options { ${options} };
source s { file("${file}" ${how}); };
destination d { file("${at("out.log")}" template("$MSG\\n")); };
log { source(s); destination(d); flags(flow-control); };
`;
  writeFileSync(at("syslog-ng.conf"), text);
  const library = `${root}/usr/lib/syslog-ng`;
  const modules = spawnSync("find", [library, "-name", "libaffile.so"], { encoding: "utf8" });
  const folder = join(modules.stdout.trim().split("\n")[0] ?? library, "..");
  const paths = ["-R", at("persist"), "-p", at("pid"), "-c", at("ctl")];
  const child = spawn(
    program,
    ["-F", "--no-caps", "-f", at("syslog-ng.conf"), ...paths, `--module-path=${folder}`],
    { stdio: "ignore", env: { ...process.env, LD_LIBRARY_PATH: `${root}/usr/lib:${library}` } },
  );
  killAtExit(child);
  const bytes = statSync(file).size;
  const written = () => (existsSync(at("out.log")) ? statSync(at("out.log")).size : 0);
  try {
    await eventually(() => written() >= bytes, READ_MAX_MS);
    return Math.round(bytes / 1e6 / cpuSecondsOf(child.pid));
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
    rmSync(at("out.log"), { force: true });
  }
}

/** User and system time. Source: proc(5), /proc/pid/stat, fields 14 and 15. */
function cpuSecondsOf(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
