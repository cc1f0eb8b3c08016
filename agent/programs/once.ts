import { once } from "node:events";
import { startAgent } from "../app.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { AgentPlatform } from "../platform.ts";

const LOOK_MS = 50;
/** What is a difference of two readings has one. */
const TICKS = 2;
/** For what is read in the background. */
const PATIENCE_MS = 10_000;

/** Nothing of it is sent, served or read again. */
export type OncePlatform = Omit<
  AgentPlatform,
  "identity" | "connect" | "probe" | "servePage" | "onReload"
>;

/**
 * The page of an agent that starts, ticks until every collector has read something, twice at least,
 * and ends: the very parts of one that runs, but it sends nothing, and its buffer lies in `directory`.
 */
export async function pageOnce(
  config: AgentConfig,
  platform: OncePlatform,
  directory: string,
): Promise<string> {
  let page = () => "";
  const listen = { host: "127.0.0.1", port: 0 }; // the page is kept here, whatever is configured
  await using _agent = await startAgent(
    {
      ...{ ...config, data_dir: directory, listen },
      ...{ scrape_configs: [], probes: [], statsd: null, otlp: null },
    },
    {
      ...platform,
      identity: null,
      host: () => null,
      collectors: (...all) => ({ ...platform.collectors(...all), containers: null }),
      connect: () => async (signal) => {
        if (!signal.aborted) await once(signal, "abort");
        throw signal.reason;
      },
      probe: () => async () => false,
      onReload: () => ({ [Symbol.dispose]: () => {} }),
      servePage: async (_, text) => {
        page = text;
        return { [Symbol.asyncDispose]: async () => {} };
      },
    },
  );
  const { clock } = platform;
  const endMs = clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    await clock.sleep(LOOK_MS);
    const text = page();
    const ticks = Number(/^telltale_agent_ticks_total (\d+)$/m.exec(text)?.[1] ?? 0);
    if (ticks >= TICKS && (haveAllRead(text) || clock.monotonicMs() >= endMs)) return text;
  }
}

/** Every collector has an interval, and says whether it succeeded as soon as it has read. */
function haveAllRead(page: string): boolean {
  const count = (name: string) => page.split(`\n${name}{`).length;
  return (
    count("node_scrape_collector_success") === count("telltale_agent_collector_interval_seconds")
  );
}
