import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually, freePorts, killAtExit } from "./programs.ts";

/** A real nginx on loopback that writes an access log with request times. */
export class NginxServer implements AsyncDisposable {
  readonly log: string;
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(log: string, url: string, child: ChildProcess) {
    this.log = log;
    this.url = url;
    this.#child = child;
  }

  /** @param folder where all its files go; the log of requests for `/ready` is off */
  static async start(folder: string): Promise<NginxServer> {
    const [port] = await freePorts();
    const log = join(folder, "access.log");
    for (const name of ["", "html"]) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "html/large"), "x".repeat(50_000));
    writeFileSync(join(folder, "html/small"), "x");
    const config = join(folder, "nginx.conf");
    writeFileSync(config, configOf(folder, port, log));
    const args = ["-p", folder, "-c", config, "-e", join(folder, "error.log")];
    const child = spawn("nginx", args, { stdio: "ignore" });
    killAtExit(child);
    const server = new NginxServer(log, `http://127.0.0.1:${port}`, child);
    await eventually(async () => (await fetch(`${server.url}/ready`)).ok);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }
}

/** `/large` takes two seconds: nginx sends 20 kB of its 50 in each. `/queued` has 60 answers a second. */
function configOf(folder: string, port: number, log: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  return `daemon off; master_process off; pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  ${temporary}
  log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status '
    '$body_bytes_sent "$http_referer" "$http_user_agent" $request_time';
  access_log ${log} timed;
  limit_req_zone $binary_remote_addr zone=slow:64k rate=60r/s;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/html;
    location /ready { access_log off; return 200; }
    location /users/ { return 200 "a user"; }
    location /broken { return 503; }
    location /queued { limit_req zone=slow burst=1000; try_files /small =404; }
    location /large { limit_rate 20k; }
  }
}
`;
}

/** What a load generator counted itself. */
export type LoadReport = {
  readonly requests: number;
  /** By status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Seconds. */
  readonly p50: number;
  readonly p90: number;
};

/**
 * Each of four connections sends `count` requests for the paths in turn, of users now and then a POST, and
 * stops: none is on its way when it counts. It has `seconds` for that.
 */
export async function runWrk(
  { url }: NginxServer,
  script: string,
  { count, seconds, paths }: { count: number; seconds: number; paths: readonly string[] },
): Promise<LoadReport> {
  const args = [
    "-t4",
    "-c4",
    "--timeout=10s",
    `-d${seconds}s`,
    "-s",
    script,
    url,
    "--",
    String(count),
    ...paths,
  ];
  const { stdout, stderr } = await promisify(execFile)("wrk", args);
  const report = /^REPORT (.*)$/m.exec(stdout)?.[1];
  if (report === undefined) throw new Error(`wrk: ${stdout}${stderr}`);
  return JSON.parse(report);
}

export const WRK_SCRIPT = `
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args)
  count, paths, sent, got, codes = tonumber(args[1]), {}, 0, 0, {}
  for i = 2, #args do paths[#paths + 1] = args[i] end
end
function request()
  sent = sent + 1
  local path = paths[sent % #paths + 1]
  return wrk.format(sent % 4 == 0 and path:find("users") and "POST" or "GET", path)
end
function response(status)
  got = got + 1
  codes[status] = (codes[status] or 0) + 1
  if got == count then wrk.thread:stop() end
end
function done(summary, latency)
  local requests, statuses = 0, {}
  for _, thread in ipairs(threads) do
    requests = requests + thread:get("got")
    for code, n in pairs(thread:get("codes")) do statuses[code] = (statuses[code] or 0) + n end
  end
  local parts = {}
  for code, n in pairs(statuses) do parts[#parts + 1] = string.format('"%d":%d', code, n) end
  print(string.format('REPORT {"requests":%d,"statuses":{%s},"p50":%f,"p90":%f}', requests,
    table.concat(parts, ","), latency:percentile(50) / 1e6, latency:percentile(90) / 1e6))
end
`;
