import { credentials } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { runCli } from "../../cli/program.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";

/** Ann's client of an aggregator's alerts: its commands, and the service itself. */
export function alertsCli(address: string, clock: Clock, account = "ann") {
  const client = new (loadTelltale().v1.Alerts)(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  const telltale = async (...args: string[]) => {
    const said = { output: "", errors: "" };
    const code = await runCli([...args, "--server", address], {
      write: (text) => {
        said.output += text;
      },
      writeError: (text) => {
        said.errors += text;
      },
      isInteractive: false,
      environment: { USER: account },
      nowMs: () => clock.nowMs(),
    });
    return { code, ...said };
  };
  const json = async (...args: string[]) =>
    JSON.parse((await telltale(...args, "--output", "json")).output);
  return { client, telltale, json };
}
