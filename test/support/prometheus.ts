import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { directoryForTest } from "./directory-for-test.ts";
import { Bed, eventually, killAtExit } from "./programs.ts";

export const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0;

export type Prometheus = AsyncDisposable & { readonly url: string; readonly child: ChildProcess };

/** Debian's Prometheus with a configuration file, once it is ready. It is found by the PATH. */
export async function startPrometheus(
  configFile: string,
  extra: readonly string[] = [],
  port: number | null = null,
): Promise<Prometheus> {
  const bed = await Bed.open();
  if (port !== null) bed.httpPort = port;
  const url = `http://127.0.0.1:${bed.httpPort}`;
  const args = [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${bed.path("tsdb")}`,
    `--web.listen-address=127.0.0.1:${bed.httpPort}`,
    "--log.level=error",
    ...extra,
  ];
  const child = spawn("prometheus", args, { stdio: ["ignore", "ignore", "pipe"] });
  killAtExit(child);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const ended = once(child, "close");
  await eventually(async () => {
    return child.exitCode !== null || (await fetch(`${url}/-/ready`)).ok;
  });
  if (child.exitCode !== null) throw new Error(`prometheus ended:\n${errors}`);
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    await bed[Symbol.asyncDispose]();
  };
  return { url, child, [Symbol.asyncDispose]: stop };
}

export type ShownTarget = {
  readonly discoveredLabels: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly scrapeInterval: string;
  readonly scrapeTimeout: string;
};

export type ShownTargets = {
  readonly activeTargets: readonly ShownTarget[];
  readonly droppedTargets: readonly object[];
};

/**
 * The targets that Prometheus makes of a configuration, once it has at least one and they stay as they
 * are. With an interval of an hour, hardly any is asked while the test runs.
 */
export async function prometheusTargets(text: string): Promise<ShownTargets> {
  const file = join(directoryForTest(), "prometheus.yml");
  writeFileSync(file, text);
  await using prometheus = await startPrometheus(file);
  let before = "";
  let answer: ShownTargets = { activeTargets: [], droppedTargets: [] };
  await eventually(async () => {
    const response = await fetch(`${prometheus.url}/api/v1/targets`);
    const { data } = (await response.json()) as { readonly data: ShownTargets };
    answer = data;
    const counts = `${answer.activeTargets.length} ${answer.droppedTargets.length}`;
    const isDone = counts === before && answer.activeTargets.length > 0;
    before = counts;
    return isDone;
  });
  return answer;
}
