import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { directoryForTest } from "./directory-for-test.ts";
import { eventually, freePorts, killAtExit } from "./programs.ts";

export const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0;

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
  const directory = directoryForTest();
  const file = join(directory, "prometheus.yml");
  writeFileSync(file, text);
  const [port] = await freePorts();
  const child = spawn(
    "prometheus",
    [
      `--config.file=${file}`,
      "--enable-feature=agent",
      `--storage.agent.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
  killAtExit(child);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  let before = "";
  let answer: ShownTargets = { activeTargets: [], droppedTargets: [] };
  await eventually(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/targets`).catch(() => null);
    if (response === null || !response.ok) return false;
    const { data } = (await response.json()) as { readonly data: ShownTargets };
    answer = data;
    const counts = `${answer.activeTargets.length} ${answer.droppedTargets.length}`;
    const isDone = counts === before && answer.activeTargets.length > 0;
    before = counts;
    return isDone;
  });
  return answer;
}
