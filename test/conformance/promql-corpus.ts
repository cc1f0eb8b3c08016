import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CaseResult } from "./promql-runner.ts";
import { runScript } from "./promql-runner.ts";

/** What one file came to. Cases on native histograms, which we do not have, are counted apart. */
export type FileResult = {
  readonly file: string;
  readonly passed: readonly CaseResult[];
  readonly failed: readonly CaseResult[];
  readonly native: readonly CaseResult[];
};

export async function scriptFiles(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(".test")).sort();
}

export async function runFile(directory: string, file: string): Promise<FileResult> {
  const native = await nativeLines(directory, file);
  const results = await runScript(await readFile(join(directory, file), "utf8"));
  const isNative = (one: CaseResult) => one.isNative || native.has(one.line);
  const ours = results.filter((one) => !isNative(one));
  return {
    file,
    passed: ours.filter(({ failure }) => failure === null),
    failed: ours.filter(({ failure }) => failure !== null),
    native: results.filter(isNative),
  };
}

/** Lines of the cases that INDEX.tsv, if there is one, says touch native histograms. */
async function nativeLines(directory: string, file: string): Promise<Set<number>> {
  const lines = new Set<number>();
  let index: string;
  try {
    index = await readFile(join(directory, "INDEX.tsv"), "utf8");
  } catch {
    return lines; // no index: every case counts
  }
  for (const row of index.split("\n")) {
    const [name, line, , , tags = ""] = row.split("\t");
    if (name === file && /\bnh-/.test(tags)) lines.add(Number(line));
  }
  return lines;
}
