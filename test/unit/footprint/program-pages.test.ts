import { expect, test, vi } from "vitest";
import {
  cleanMappings,
  garbageLook,
  keepGivingBackMemory,
} from "../../../agent/footprint/program-pages.ts";
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

test("garbage is collected when there is much of it, and not again within three seconds", () => {
  let [nowMs, usedBytes] = [0, 50e6];
  const collect = vi.fn(() => {
    usedBytes = 20e6;
  });
  const trim = vi.fn();
  const look = garbageLook(
    collect,
    trim,
    () => usedBytes,
    () => nowMs,
  );
  const lookAt = (ms: number, bytes: number) => {
    [nowMs, usedBytes] = [ms, bytes];
    look();
    return collect.mock.calls.length;
  };
  expect(lookAt(0, 20e6)).toBe(0); // what the start left was collected by others
  expect(lookAt(10, 24e6)).toBe(0);
  expect(lookAt(20, 25e6)).toBe(1);
  expect(trim).not.toHaveBeenCalled();
  expect(lookAt(3000, 99e6)).toBe(1);
  expect(trim).toHaveBeenCalledTimes(1);
  expect(lookAt(3020, 24e6)).toBe(1);
  expect(lookAt(3021, 25e6)).toBe(2);
});

test("buffers that nothing refers to are collected, old ones too", async () => {
  const look = garbageLook();
  const before = process.memoryUsage().arrayBuffers;
  makeOld(Array.from({ length: 100 }, () => new Uint8Array(1e5).fill(1)));
  expect(process.memoryUsage().arrayBuffers).toBeGreaterThan(before + 9e6);
  look();
  // V8 frees them on another thread.
  await vi.waitFor(() => expect(process.memoryUsage().arrayBuffers).toBeLessThan(before + 1e6));
});

/** Makes so much garbage in the heap that what is young is collected a few times. */
function makeOld(buffers: readonly Uint8Array[]): void {
  let list: object[] = [];
  for (let i = 0; i < 2e6; i += 1) {
    list.push({ i });
    if (list.length > 1000) list = [];
  }
  expect(buffers.length).toBe(100);
}
