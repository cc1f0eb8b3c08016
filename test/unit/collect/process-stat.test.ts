import { describe, expect, test } from "vitest";
import {
  ProcessStat,
  parseProcessStat,
} from "../../../agent/collect/processes/parse-process-stat.ts";
import { checkMutated } from "./mutated.ts";

const REST =
  "S 1 10 10 0 -1 4194304 98 7 8 9 1234 56 77 88 20 0 3 0 124480 3133440 359 18446744073709551615 1 2";
const KERNEL_REST = REST.replace("4194304", "69238880");

function parsed(text: string) {
  const bytes = Buffer.from(text, "latin1");
  const stat = new ProcessStat();
  if (!parseProcessStat(bytes, bytes.length, stat)) return null;
  const { commandStart, commandEnd, ...numbers } = stat;
  return { command: bytes.toString("latin1", commandStart, commandEnd), ...numbers };
}

const NUMBERS = { cpuTime: 1290, threads: 3, startTime: 124480, residentPages: 359 };

describe("/proc/PID/stat", () => {
  test.each([
    ["node"],
    ["a b c"],
    [") S 1 2 (x"],
    ["line\nbreak"],
    ["(("],
    ["))"],
    [""],
    ["\xff\xfe"],
    ["tab\there"],
  ])("the command may be %j", (command) => {
    expect(parsed(`24731 (${command}) ${REST}\n`)).toEqual({
      command,
      isKernelThread: false,
      ...NUMBERS,
    });
  });

  test("a thread of the kernel is told by its flag", () => {
    const stat = parsed(`2 (kworker/u8:2-ext4-rsv-conversion) ${KERNEL_REST}\n`);
    expect(stat).toMatchObject({
      isKernelThread: true,
      command: "kworker/u8:2-ext4-rsv-conversion",
    });
  });

  test.each([
    ["nothing", ""],
    ["no brackets", `1 node ${REST}`],
    ["the wrong way round", `1 )node( ${REST}`],
    ["cut off", `1 (node) ${REST.slice(0, 40)}`],
    ["cut off before the last field", `1 (node) ${REST.split(" ").slice(0, 21).join(" ")}`],
    ["a word for a number", `1 (node) ${REST.replace("1234", "x234")}`],
    ["a negative number", `1 (node) ${REST.replace("359", "-359")}`],
    ["a number of 40 digits", `1 (node) ${REST.replace("359", "9".repeat(40))}`],
    ["a command that is too long", `1 (${"n".repeat(65)}) ${REST}`],
    ["a megabyte", "x(".repeat(500_000)],
  ])("%s is refused", (_, text) => {
    expect(parsed(text)).toBeNull();
  });

  test("mutated, it never throws and gives no NaN", () => {
    const check = (bytes: Buffer) => {
      const stat = new ProcessStat();
      if (!parseProcessStat(bytes, bytes.length, stat)) return;
      const { cpuTime, threads, startTime, residentPages } = stat;
      for (const value of [cpuTime, threads, startTime, residentPages]) {
        expect(Number.isFinite(value) && value >= 0).toBe(true);
      }
      expect(stat.commandStart).toBeLessThanOrEqual(stat.commandEnd);
    };
    checkMutated(`24731 (a (b) c) ${REST}\n`, check);
  });
});
