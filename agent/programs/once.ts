import { once } from "node:events";
import { type AgentPlatform, startAgent } from "../app.ts";
import type { AgentConfig } from "../config/agent-config.ts";

const LOOK_MS = 50;
/** What is a difference of two readings has one. */
const TICKS = 2;

/** Nothing of it is sent, served or read again. */
export type OncePlatform = Omit<AgentPlatform, "connect" | "probe" | "servePage" | "onReload">;

/**
 * The page of an agent that starts, ticks twice and ends: the very parts of one that runs, but it
 * sends nothing, and its buffer lies in `directory`.
 */
export async function pageOnce(
  config: AgentConfig,
  platform: OncePlatform,
  directory: string,
): Promise<string> {
  let page = () => "";
  const listen = { host: "127.0.0.1", port: 0 }; // the page is kept here, whatever is configured
  await using _agent = await startAgent(
    { ...config, data_dir: directory, listen },
    {
      ...platform,
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
  const enough = new RegExp(`^telltale_agent_ticks_total ${TICKS}$`, "m");
  while (!enough.test(page())) await platform.clock.sleep(LOOK_MS);
  return page();
}
