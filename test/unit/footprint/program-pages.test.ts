import { expect, test, vi } from "vitest";
import { cleanMappings, keepGivingBackMemory } from "../../../agent/footprint/program-pages.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

function mapping(
  range: string,
  permissions: string,
  path: string,
  rss: number,
  own: number,
): string {
  return `${range} ${permissions} 00000000 fe:00 123 ${" ".repeat(20)}${path}
Size:               9000 kB
Rss:                ${rss} kB
Pss:                10 kB
Private_Dirty:         0 kB
Anonymous:             ${own} kB
VmFlags: rd ex mr mw me
`;
}

test("only what lies in memory as on the disk may be given back", () => {
  const smaps = [
    mapping("400000-500000", "r-xp", "/usr/bin/node", 5000, 0),
    mapping("500000-600000", "r--p", "/usr/bin/node", 5000, 8), // relocated by the loader
    mapping("600000-700000", "rw-p", "/usr/bin/node", 5000, 0),
    mapping("700000-800000", "r-xp", "", 5000, 0), // compiled code
    mapping("800000-900000", "r--p", "/usr/lib/libc.so.6", 100, 0), // too small
    mapping("7f0000000000-7f0000100000", "r--p", "/usr/lib/my library.so", 300, 0),
  ].join("");
  expect(cleanMappings(smaps)).toEqual([
    { start: 0x400000n, end: 0x500000n, residentBytes: 5000 * 1024 },
    { start: 0x7f0000000000n, end: 0x7f0000100000n, residentBytes: 300 * 1024 },
  ]);
  expect(cleanMappings("garbage\n\nRss: x kB\nAnonymous: 0 kB\n")).toEqual([]);
});

test("memory is given back three times, then when it has grown, also where the program's pages stay", () => {
  vi.useFakeTimers();
  const giveBack = vi.fn(() => {
    throw new OperationalError("UNAVAILABLE", "no C library");
  });
  try {
    let usedBytes = 20e6;
    keepGivingBackMemory(new MemoryLogger(), giveBack, () => usedBytes);
    for (const [index, afterMs] of [3000, 9000, 48_000].entries()) {
      vi.advanceTimersByTime(afterMs);
      expect(giveBack).toHaveBeenCalledTimes(index + 1);
    }
    vi.advanceTimersByTime(20_000);
    const atStart = giveBack.mock.calls.length;
    expect(atStart).toBe(Number.parseInt(process.versions.v8, 10) >= 13 ? 4 : 3);
    usedBytes = 23e6;
    vi.advanceTimersByTime(600_000);
    expect(giveBack).toHaveBeenCalledTimes(atStart);
    usedBytes = 25e6;
    vi.advanceTimersByTime(600_000);
    expect(giveBack).toHaveBeenCalledTimes(atStart + 1);
  } finally {
    vi.useRealTimers();
  }
});
