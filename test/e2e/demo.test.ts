import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually, killAtExit, runProgram } from "../support/programs.ts";

const DEMO = join(import.meta.dirname, "../../demo/main.mjs");

type Figures = {
  readonly name: string;
  readonly requestsPerSecond: number | null;
  readonly errorRatio: number | null;
  readonly latencyP95Seconds: number | null;
  readonly lastChange: { readonly time: string } | null;
  readonly alerts: readonly { readonly name: string }[];
};

test("the demo shows which service is at fault, and that it is well again, and leaves nothing", async () => {
  const demo = spawn(process.execPath, [DEMO, "--period", "20"]);
  killAtExit(demo);
  let output = "";
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => demo.once("close", resolve));
  const said = (pattern: RegExp) => pattern.exec(output)?.[1] ?? "";
  await eventually(() => said(/--server (\S+)\n/) !== "", 90_000);
  const server = said(/--server (\S+)\n/);
  const directory = said(/ (\/\S+telltale-demo-\S+)/);
  expect(existsSync(directory)).toBe(true);
  const services = async (): Promise<Figures[]> => {
    const args = ["services", "--output", "json", "--server", server];
    return JSON.parse((await runProgram("cli", args)).output);
  };
  /** Of payments, once they are as they should be. */
  const untilPayments = async (isSo: (payments: Figures, all: readonly Figures[]) => boolean) => {
    let found: Figures | undefined;
    await eventually(async () => {
      const all = await services();
      found = all.find(({ name }) => name === "payments");
      if (found !== undefined && isSo(found, all)) return true;
      throw new Error(`${JSON.stringify(all)}\n${output.slice(-2000)}`);
    }, 90_000);
    return found;
  };

  const before = await untilPayments(({ requestsPerSecond }) => (requestsPerSecond ?? 0) > 5);
  await untilPayments(
    ({ errorRatio, latencyP95Seconds, alerts }, all) =>
      (errorRatio ?? 0) > 0.15 &&
      (latencyP95Seconds ?? 0) > 0.5 &&
      alerts.some(({ name }) => name === "ServiceFails") &&
      all[0]?.name === "payments", // it is worse than those that suffer from it
  );
  const after = await untilPayments(
    ({ errorRatio, latencyP95Seconds, alerts }) =>
      (errorRatio ?? 1) < 0.05 && (latencyP95Seconds ?? 1) < 0.3 && alerts.length === 0,
  );
  expect(after?.lastChange?.time).not.toBe(before?.lastChange?.time);
  expect(output).toMatch(/\$ telltale services\n\nSERVICE +RATE +ERRORS/);

  demo.kill("SIGINT");
  expect(await ended).toBe(0);
  expect(existsSync(directory)).toBe(false);
  await expect(fetch(`http://${server}`)).rejects.toThrow();
});
