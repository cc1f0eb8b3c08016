import { spawn, spawnSync } from "node:child_process";
import { vi } from "vitest";
import { freePorts, killAtExit } from "../support/programs.ts";

const EXPORTER = "prometheus-node-exporter";
export const hasExporter = spawnSync(EXPORTER, ["--version"]).status === 0;

/** Values by `name{labels}`. */
export type Series = ReadonlyMap<string, number>;

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
/** About the exporter, not about the host. */
const OWN = /^(?:node_scrape_|node_exporter_|go_|process_|promhttp_)/;

/** What the lines of a scrape say: labels sorted; an empty one is none, and `job="node"` is ours. */
export function seriesOf(lines: Iterable<string>): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of lines) {
    const [, name = "", labels = "", value = ""] = LINE.exec(line) ?? [];
    if (name === "" || OWN.test(name)) continue;
    const texts = [...labels.matchAll(LABEL)].map(([text]) => text);
    const sorted = texts.filter((text) => !/^job="node"$|=""$/.test(text)).sort();
    series.set(`${name}{${sorted.join(",")}}`, Number(value.replace(/Inf$/, "Infinity")));
  }
  return series;
}

/** Ours, to compare with the exporter's. */
export function exposed(values: Iterable<readonly [key: string, value: number]>): Series {
  return seriesOf([...values].map(([key, value]) => `${key} ${value}`));
}

/** A node_exporter that answers. */
export async function startExporter(flags: readonly string[]) {
  const [port] = await freePorts();
  const url = `http://127.0.0.1:${port}`;
  const all = [`--web.listen-address=127.0.0.1:${port}`, ...flags];
  const program = spawn(EXPORTER, all, { stdio: "ignore" });
  killAtExit(program);
  await vi.waitFor(() => fetch(url), { timeout: 10_000, interval: 100 });
  const scrape = async () => (await (await fetch(`${url}/metrics`)).text()).split("\n");
  return { scrape, stop: () => program.kill("SIGKILL") };
}

/** What node_exporter says of the tree at `root`. */
export async function exporterSeries(
  root: string,
  collectors: readonly string[],
  flags: readonly string[],
): Promise<Series> {
  const { scrape, stop } = await startExporter([
    `--path.sysfs=${root}/sys`,
    `--path.procfs=${root}/proc`,
    `--path.rootfs=${root}`,
    "--web.disable-exporter-metrics",
    "--collector.disable-defaults",
    ...collectors.map((name) => `--collector.${name}`),
    ...flags,
  ]);
  const lines = await scrape();
  stop();
  return seriesOf(lines.map((line) => line.replaceAll(root, "")));
}
