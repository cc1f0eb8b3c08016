import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { killAtExit } from "../test/support/programs.ts";
import {
  JAVA_PROGRAM,
  NGINX_CONFIG,
  NODE_PROGRAM,
  POSTGRES_CONFIG,
  SSHD_CONFIG,
  WRK_SCRIPT,
} from "./logstore-programs.ts";
import { progress } from "./report.ts";

/** A server, the share of the bytes that its log has, and what it and its load take to run. */
type Source = {
  readonly name: string;
  readonly share: number;
  /** Starts it in `directory` with its log in the file `log`. */
  readonly start: (directory: string, port: number) => readonly ChildProcess[];
  /** One round of load, a few seconds. */
  readonly load: (directory: string, port: number) => ChildProcess;
};

const SOURCES: readonly Source[] = [
  { name: "nginx", share: 0.35, start: startNginx, load: wrk },
  { name: "node", share: 0.28, start: startNode, load: wrk },
  { name: "postgres", share: 0.2, start: startPostgres, load: pgbench },
  { name: "java", share: 0.1, start: startJava, load: wrk },
  { name: "redis", share: 0.07, start: startRedis, load: redisBenchmark },
  { name: "sshd", share: 0.001, start: startSshd, load: ssh }, // a connection is 2 kB and 0.3 s
];
const FIRST_PORT = 17400;
const START_MS = 60_000;

/**
 * Logs of real servers under load, one file each, and the machine's own; what is there already is
 * not made again, and what is too short goes on.
 * @returns the files by name
 */
export async function makeCorpus(directory: string, bytes: number): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [i, source] of SOURCES.entries()) {
    const file = join(directory, `${source.name}.log`);
    const missing = source.share * bytes - sizeOf(file);
    if (missing > 0) {
      progress(`${Math.ceil(missing / 1e6)} MB of log of ${source.name}`);
      const log = await capture(source, join(directory, source.name), FIRST_PORT + i, missing);
      await append(log, file);
    }
    files.set(source.name, file);
  }
  const own = join(directory, "machine.log");
  if (!existsSync(own)) for (const file of machineLogs()) appendFileSync(own, readFileSync(file));
  if (existsSync(own)) files.set("machine", own);
  return files;
}

/** Plain texts of the packages' programs, where they can be read. */
function machineLogs(): string[] {
  return readdirSync("/var/log", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".log"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

async function append(from: string, to: string): Promise<void> {
  const descriptor = openSync(to, "a");
  for await (const chunk of createReadStream(from)) writeSync(descriptor, chunk);
  closeSync(descriptor);
  rmSync(from);
}

/** @returns the file, of at least so many bytes */
async function capture(
  source: Source,
  directory: string,
  port: number,
  bytes: number,
): Promise<string> {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o777);
  const servers = source.start(directory, port);
  for (const server of servers) killAtExit(server);
  await answers(port);
  const log = join(directory, "log");
  for (let before = -1; sizeOf(log) < bytes; ) {
    if (sizeOf(log) === before) {
      throw new Error(`The log of ${source.name} does not grow: ${directory}`);
    }
    before = sizeOf(log);
    const load = source.load(directory, port);
    killAtExit(load);
    await Promise.race([once(load, "exit"), delay(60_000)]);
  }
  for (const server of servers) server.kill("SIGTERM");
  await Promise.all(servers.map((server) => server.exitCode ?? once(server, "close")));
  return log;
}

async function answers(port: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 100) {
    const socket = connect(port, "127.0.0.1");
    const [event] = await Promise.race([
      once(socket, "connect").then(() => ["connect"]),
      once(socket, "error").then(() => ["error"]),
    ]).catch(() => ["error"]);
    socket.destroy();
    if (event === "connect") return;
    await delay(100);
  }
  throw new Error(`Nothing answers on port ${port}`);
}

function run(directory: string, command: string, args: readonly string[]): ChildProcess {
  const errors = openSync(join(directory, "errors"), "a");
  return spawn(command, args, { cwd: directory, stdio: ["ignore", "ignore", errors] });
}

function startNginx(directory: string, port: number): ChildProcess[] {
  writeFileSync(join(directory, "nginx.conf"), NGINX_CONFIG(port));
  writeFileSync(join(directory, "index.html"), "<p>shop</p>\n".repeat(50));
  return [run(directory, "nginx", ["-p", directory, "-c", "nginx.conf"])];
}

function startNode(directory: string, port: number): ChildProcess[] {
  const fastify = import.meta.resolve("fastify");
  writeFileSync(join(directory, "app.mjs"), NODE_PROGRAM(fastify, port));
  return [run(directory, process.execPath, ["app.mjs"])];
}

function startJava(directory: string, port: number): ChildProcess[] {
  writeFileSync(join(directory, "Shop.java"), JAVA_PROGRAM(port));
  const format = "%1$tF %1$tT.%1$tL %4$-7s [%3$s] %5$s%6$s%n";
  const args = [
    `-Djava.util.logging.SimpleFormatter.format=${format}`,
    "-Dsun.net.httpserver.nodelay=true",
    "-Xmx128m",
    "Shop.java",
  ];
  return [run(directory, "java", args)];
}

function startRedis(directory: string, port: number): ChildProcess[] {
  const args = ["--port", `${port}`, "--loglevel", "debug", "--save", "", "--logfile", "log"];
  return [run(directory, "redis-server", args)];
}

/** As its own user, for it refuses to run as root. */
function startPostgres(directory: string, port: number): ChildProcess[] {
  const as = process.getuid?.() === 0 ? ["runuser", "-u", "postgres", "--"] : ["env"];
  const [user = "", ...rest] = as;
  const home = join(directory, "db");
  if (!existsSync(home))
    execFileSync(user, [...rest, "initdb", "-D", home, "-A", "trust", "-U", "postgres"], {
      stdio: "ignore",
      cwd: directory,
    });
  writeFileSync(join(home, "postgresql.auto.conf"), POSTGRES_CONFIG(port));
  const log = openSync(join(directory, "log"), "a");
  return [
    spawn(user, [...rest, "postgres", "-D", home], {
      cwd: directory,
      stdio: ["ignore", "ignore", log],
    }),
  ];
}

/** Its lines go through what syslog adds to them. */
function startSshd(directory: string, port: number): ChildProcess[] {
  const key = join(directory, "host");
  if (!existsSync(key)) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  mkdirSync("/run/sshd", { recursive: true });
  const config = join(directory, "sshd_config");
  writeFileSync(config, SSHD_CONFIG(port, directory));
  const sshd = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = openSync(join(directory, "log"), "w");
  createInterface({ input: sshd.stderr }).on("line", (line) => {
    const time = new Date().toUTCString().replace(/^\w+, (\d+) (\w+) \d+ ([\d:]+) .*$/, "$2 $1 $3");
    writeSync(log, `${time} ${hostname()} sshd[${sshd.pid}]: ${line.replace("\r", "")}\n`);
  });
  return [sshd];
}

function wrk(directory: string, port: number): ChildProcess {
  writeFileSync(join(directory, "load.lua"), WRK_SCRIPT);
  const args = ["-t1", "-c8", "-d5s", "-s", "load.lua", `http://127.0.0.1:${port}/`];
  return run(directory, "wrk", args);
}

function pgbench(directory: string, port: number): ChildProcess {
  const bench = `pgbench -h 127.0.0.1 -p ${port} -U postgres`;
  const made = "psql -q -h 127.0.0.1 -U postgres -c 'select 1 from pgbench_branches' -p";
  const script = `${made} ${port} >made || ${bench} -i -s 2 postgres; ${bench} -c 4 -T 5 postgres; ${bench} -S -c 4 -T 3 -C postgres`;
  return run(directory, "sh", ["-c", script]);
}

function redisBenchmark(directory: string, port: number): ChildProcess {
  const args = ["-p", `${port}`, "-k", "0", "-t", "set,get", "-n", "20000", "-r", "100000", "-q"];
  return run(directory, "redis-benchmark", args);
}

function ssh(directory: string, port: number): ChildProcess {
  const options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
  const call = `ssh ${options} -p ${port} u$RANDOM@127.0.0.1 true`;
  const script = `for i in $(seq 20); do for k in 1 2 3 4; do ${call} & done; wait; done`;
  return run(directory, "bash", ["-c", script]);
}
