import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { Bed, eventually, killAtExit } from "./programs.ts";

/** A program that takes alerts at `URL/api/v2/alerts` and notifies by its routing file. */
export type Side = AsyncDisposable & {
  readonly url: string;
  /** Unix milliseconds: since when it looks for empty groups, every 30 s; null: it does not wait. */
  readonly sweepsFromMs: number | null;
};

const ALERTMANAGER = "prometheus-alertmanager";

/** Debian's Alertmanager, alone: no cluster. It is found by the PATH. */
export async function startAlertmanager(routing: string): Promise<Side> {
  const bed = await Bed.open();
  const url = `http://127.0.0.1:${bed.httpPort}`;
  const directory = bed.path("alertmanager");
  mkdirSync(directory);
  const child = spawn(
    ALERTMANAGER,
    [
      `--config.file=${bed.write("alertmanager.yaml", routing)}`,
      `--storage.path=${directory}`,
      `--web.listen-address=127.0.0.1:${bed.httpPort}`,
      "--cluster.listen-address=",
      "--log.level=warn",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  killAtExit(child);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  let failure: Error | null = null;
  child.once("error", (error) => {
    failure = error;
  });
  await eventually(async () => {
    if (failure !== null || child.exitCode !== null) return true;
    return (await fetch(`${url}/-/ready`)).ok;
  });
  if (failure !== null) throw failure;
  if (child.exitCode !== null) throw new Error(`${ALERTMANAGER} ended:\n${errors}`);
  const stop = async () => {
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
    await bed[Symbol.asyncDispose]();
  };
  return { url, sweepsFromMs: await loadedAtMs(url), [Symbol.asyncDispose]: stop };
}

/** The dispatcher starts when the configuration is loaded. */
async function loadedAtMs(url: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const name = "alertmanager_config_last_reload_success_timestamp_seconds";
  const [, value] = new RegExp(`^${name} (\\S+)$`, "m").exec(page) ?? [];
  if (value === undefined) throw new Error(`${ALERTMANAGER} has no metric ${name}`);
  return Number(value) * 1000;
}
