import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { askInventory } from "../../agent/ask-inventory.ts";

const INVENTORY = join(import.meta.dirname, "../../dist/agent/programs/inventory-main.js");

const folder = mkdtempSync(join(tmpdir(), "telltale-inventory-"));
afterAll(() => rmSync(folder, { recursive: true }));

function program(text: string): string {
  const path = join(folder, `${text.length}.mjs`);
  writeFileSync(path, text);
  return path;
}

describe("the inventory's process", () => {
  test("gives what it prints", async () => {
    const path = program('console.log("{}")');
    expect(await askInventory(new AbortController().signal, path)).toBe("{}\n");
  });

  test("one that says too much is ended", async () => {
    const path = program('for (;;) console.log("x".repeat(10000))');
    await expect(askInventory(new AbortController().signal, path)).rejects.toThrow(/maxBuffer/);
  });

  test("one that is under way when the agent stops is killed", async () => {
    const stop = new AbortController();
    const path = program('console.log(""); setInterval(() => {}, 1000)');
    const asked = askInventory(stop.signal, path);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });

  test("answers also where a sandbox refuses the lower priority", async () => {
    const refusal = `import os from "node:os";
      import { syncBuiltinESMExports } from "node:module";
      os.setPriority = () => { throw new Error("EPERM"); };
      syncBuiltinESMExports();
      await import(${JSON.stringify(pathToFileURL(INVENTORY).href)});`;
    const answer = await askInventory(new AbortController().signal, program(refusal));
    expect(JSON.parse(answer)).toHaveProperty("node.arch");
  });
});
