import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { stringify } from "yaml";
import { BodyRoom } from "../../agent/model/body-room.ts";
import type { ProbeConfig } from "../../agent/probes/config/probe-config.ts";
import { probedTarget } from "../../agent/probes/config/probed-target.ts";
import { readModulesFile } from "../../agent/probes/config/read-probes.ts";
import { runProbe } from "../../agent/probes/run-probe.ts";
import { SecureContexts } from "../../agent/probes/tls/secure-contexts.ts";
import { systemAuthorities } from "../../agent/scrape/http/http-gets.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { freePorts, killAtExit } from "../support/programs.ts";

const EXPORTER = "prometheus-blackbox-exporter";
export const hasBlackbox = spawnSync(EXPORTER, ["--version"]).status === 0;

const TIMEOUT_MS = 2000;
/** Ours alone. */
const OWN = /^probe_ssl_first_hop_/;
/** How long things took; that they are there is what is compared. */
const TIMES = /_seconds(\{phase=.*\})?$/;

type Series = Readonly<Record<string, number | "a time">>;

/** A blackbox_exporter and our own probers, with the same modules. */
export type Blackbox = AsyncDisposable & {
  /** Probes with both; what they find has to be equal. @returns ours, and why it failed */
  same(module: string, target: string): Promise<{ series: Series; failure: string | null }>;
  both(
    module: string,
    target: string,
  ): Promise<{ ours: Series; theirs: Series; failure: string | null }>;
};

/** @param modules by name, as in a blackbox.yml */
export async function startBlackbox(modules: Readonly<Record<string, object>>): Promise<Blackbox> {
  const [port] = await freePorts();
  const directory = mkdtempSync(join(tmpdir(), "telltale-blackbox-"));
  const path = join(directory, "blackbox.yml");
  const timed = Object.fromEntries(
    Object.entries(modules).map(([name, module]) => {
      return [name, { timeout: `${TIMEOUT_MS}ms`, ...module }];
    }),
  );
  const text = stringify({ modules: timed });
  writeFileSync(path, text);
  const read = readModulesFile({ path, text });
  expect(read.faults).toEqual([]);
  const args = [`--config.file=${path}`, `--web.listen-address=127.0.0.1:${port}`];
  const child = spawn(EXPORTER, args, { stdio: "ignore" });
  killAtExit(child);
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(() => fetch(url), { timeout: 10_000, interval: 100 });
  const both: Blackbox["both"] = async (module, target) => {
    const found = probedTarget(target, module, read.modules);
    if (typeof found === "string") throw new Error(found);
    const { page, failure } = await probeOnce(found);
    const query = new URLSearchParams({ module, target });
    const answer = await (await fetch(`${url}/probe?${query}`)).text();
    return { ours: seriesOf(page), theirs: seriesOf(answer), failure };
  };
  const same: Blackbox["same"] = async (module, target) => {
    const { ours, theirs, failure } = await both(module, target);
    const series = Object.fromEntries(Object.entries(ours).filter(([name]) => !OWN.test(name)));
    expect(series).toEqual(theirs);
    expect(failure === null).toBe(series["probe_success"] === 1);
    return { series, failure };
  };
  const close = async () => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  };
  return { same, both, [Symbol.asyncDispose]: close };
}

const CONTEXTS = new SecureContexts(systemAuthorities({}));

async function probeOnce(found: Pick<ProbeConfig, "address" | "module">) {
  const { timeoutMs } = found.module;
  const probe = { ...found, timeoutMs: timeoutMs ?? TIMEOUT_MS };
  using lease = new BodyRoom().lease();
  return await runProbe(
    probe,
    { clock: nodeClock, lease, contexts: CONTEXTS },
    new AbortController().signal,
  );
}

export function seriesOf(page: string): Series {
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      const name = line.slice(0, space);
      const isTime = TIMES.test(name) && !/timestamp_seconds$/.test(name);
      return [name, isTime ? "a time" : Number(line.slice(space + 1))] as const;
    }),
  );
}
