import { expect, onTestFinished, test } from "vitest";
import { reloadSignal } from "../../../shared/platform/command.ts";

test("a SIGHUP before the program has started is made up for, later ones count at once", () => {
  onTestFinished(() => void process.removeAllListeners("SIGHUP"));
  const onReload = reloadSignal();
  process.emit("SIGHUP");
  let reloads = 0;
  const reload = async () => {
    reloads += 1;
  };
  const listening = onReload(reload);
  expect(reloads).toBe(1);
  process.emit("SIGHUP");
  expect(reloads).toBe(2);
  listening[Symbol.dispose]();
  process.emit("SIGHUP");
  expect(reloads).toBe(2);
});
