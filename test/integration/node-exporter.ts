import { spawn, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

const EXPORTER = "prometheus-node-exporter";
export const hasExporter = spawnSync(EXPORTER, ["--version"]).status === 0;

/** Our series as the exporter's are given below. */
export function exposed(values: ReadonlyMap<string, number>): string[] {
  return [...values].map(([key, value]) => `${key.replaceAll('", ', '",')} ${value}`).sort();
}

/**
 * What node_exporter says of the tree at `root`: a line a series, labels sorted, empty ones left out,
 * our `job` added.
 */
export async function exporterSeries(
  root: string,
  collectors: readonly string[],
  flags: readonly string[],
): Promise<string[]> {
  const port = 20_000 + ((process.pid * 7 + collectors.length) % 20_000);
  const exporter = spawn(
    EXPORTER,
    [
      `--path.sysfs=${root}/sys`,
      `--path.procfs=${root}/proc`,
      `--path.rootfs=${root}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.disable-exporter-metrics",
      "--collector.disable-defaults",
      ...collectors.map((name) => `--collector.${name}`),
      ...flags,
    ],
    { stdio: "ignore" },
  );
  try {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      await delay(100);
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => null);
      if (answer === null) continue;
      const lines = (await answer.text()).split("\n");
      const own = lines.filter(
        (line) => /^[a-z]/.test(line) && !/^(?:node_scrape|node_exporter|promhttp)/.test(line),
      );
      return own.map((line) => normalized(line, root)).sort();
    }
    throw new Error("node_exporter does not answer");
  } finally {
    exporter.kill();
  }
}

function normalized(line: string, root: string): string {
  const [, name = "", text = "", value = ""] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const labels = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
    ([, label = "", content = ""]) => [label, content.replace(root, "")] as const,
  );
  const all = [...labels.filter(([, content]) => content !== ""), ["job", "node"] as const];
  const sorted = all.map(([label, content]) => `${label}="${content}"`).sort();
  return `${name}{${sorted.join(",")}} ${Number(value.replace("Inf", "Infinity"))}`;
}
