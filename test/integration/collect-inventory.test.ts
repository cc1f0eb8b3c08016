import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { ChildPrograms } from "../../agent/programs/child-programs.ts";
import { directoryForTest } from "../support/directory-for-test.ts";

const INVENTORY = join(import.meta.dirname, "../../dist/agent/programs/inventory-main.js");

const never = new AbortController().signal;

/** Asks a program of this text. */
function ask(text: string, signal = never): Promise<string> {
  const folder = directoryForTest();
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "inventory-main.js"), text);
  return new ChildPrograms(process.execPath, folder).ask("inventory", [], signal);
}

describe("a child program in the background", () => {
  test("gives what it prints", async () => {
    expect(await ask('console.log("{}")')).toBe("{}\n");
  });

  test("one that fails is reported with its own words", async () => {
    const failing = ask('console.error("telltale-agent: no lscpu"); process.exitCode = 1');
    await expect(failing).rejects.toMatchObject({ code: "UNAVAILABLE", message: "no lscpu" });
  });

  test("one that says too much is ended", async () => {
    const talking = ask('const more = () => process.stdout.write("x".repeat(9999), more); more();');
    await expect(talking).rejects.toThrow(/maxBuffer/);
  });

  test("one that is under way when the agent stops is killed", async () => {
    const stop = new AbortController();
    const asked = ask('console.log(""); setInterval(() => {}, 1000)', stop.signal);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });

  test("answers also where a sandbox refuses the lower priority", async () => {
    const refusal = `import os from "node:os";
      import { syncBuiltinESMExports } from "node:module";
      os.setPriority = () => { throw new Error("EPERM"); };
      syncBuiltinESMExports();
      await import(${JSON.stringify(pathToFileURL(INVENTORY).href)});`;
    expect(JSON.parse(await ask(refusal))).toHaveProperty("node.arch");
  });
});
