import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { Bed, killAtExit } from "./programs.ts";

export const hasVmagent = spawnSync("vmagent", ["--version"]).status === 0;

export type Vmagent = AsyncDisposable & { readonly child: ChildProcess };

/** Debian's vmagent, which scrapes what a configuration file says and writes it to an address. */
export async function startVmagent(configFile: string, writeUrl: string): Promise<Vmagent> {
  const bed = await Bed.open();
  const args = [
    `-promscrape.config=${configFile}`,
    `-remoteWrite.url=${writeUrl}`,
    `-remoteWrite.tmpDataPath=${bed.path("buffer")}`,
    "-remoteWrite.flushInterval=200ms",
    "-remoteWrite.queues=1", // with several, what waited arrives in any order
    `-httpListenAddr=127.0.0.1:${bed.httpPort}`,
    "-loggerLevel=ERROR",
  ];
  const child = spawn("vmagent", args, { stdio: ["ignore", "ignore", "ignore"] });
  killAtExit(child);
  const ended = once(child, "close");
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    await bed[Symbol.asyncDispose]();
  };
  return { child, [Symbol.asyncDispose]: stop };
}
