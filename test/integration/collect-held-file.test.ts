import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  CHANGED,
  FILE_BYTES_MAX,
  HeldFile,
  MISSING,
  ReadBuffer,
  SAME,
} from "../../agent/collect/kit/held-file.ts";
import { parseMountinfo } from "../../agent/collect/proc/mounts.ts";
import { directoryForTest } from "../support/directory-for-test.ts";

function held(hasManyRecords = false) {
  const buffer = new ReadBuffer();
  const path = join(directoryForTest(), "held");
  const file = new HeldFile(path, buffer, { hasManyRecords });
  onTestFinished(() => file.close());
  const text = () => buffer.bytes.toString("latin1", 0, file.length);
  const replace = (content: string) => writeFileSync(path, content);
  return { file, text, replace };
}

describe("a file that is held open", () => {
  test("tells whether its bytes are those of the last read, also when it became shorter", () => {
    const { file, text, replace } = held();
    replace("a 1\nb 2\n");
    expect([file.read(), text()]).toEqual([CHANGED, "a 1\nb 2\n"]);
    expect(file.read()).toBe(SAME);
    replace("a 1\n");
    expect([file.read(), text()]).toEqual([CHANGED, "a 1\n"]);
    replace("a 1\nb 2\n");
    expect([file.read(), text()]).toEqual([CHANGED, "a 1\nb 2\n"]);
  });

  test.each([false, true])(
    "is read whole when it outgrows the buffer (many records: %s)",
    (many) => {
      const { file, text, replace } = held(many);
      const content = "0123456789abcdef".repeat(10_000);
      replace(content);
      expect([file.read(), text() === content]).toEqual([CHANGED, true]);
    },
  );

  test("is missing until it is there", () => {
    const { file, replace } = held();
    expect(file.read()).toBe(MISSING);
    replace("x");
    expect(file.read()).toBe(CHANGED);
  });

  test("of an endless file the whole lines that were read count, and it says that it is cut", () => {
    const { file, replace } = held();
    const line = `${"x".repeat(999)}\n`;
    replace(line.repeat(FILE_BYTES_MAX / 1000 + 1));
    expect([file.read(), file.isCut]).toEqual([CHANGED, true]);
    expect(file.length).toBe(Math.floor(FILE_BYTES_MAX / 1000) * 1000);
    replace(line);
    expect([file.read(), file.isCut, file.length]).toEqual([CHANGED, false, 1000]);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "a mount behind a line of 3 kB is not lost: a short read is not the end (needs root)",
    async () => {
      const place = directoryForTest();
      const lower = Array.from({ length: 45 }, (_, index) =>
        join(place, `${"l".repeat(40)}${index}`),
      );
      for (const path of [...lower, ...["m", "t1", "t2"].map((name) => join(place, name))]) {
        mkdirSync(path, { recursive: true });
      }
      const script =
        `mount -t overlay o -o lowerdir=${lower.join(":")} ${place}/m && ` +
        `mount -t tmpfs t ${place}/t1 && mount -t tmpfs t ${place}/t2 && echo done && cat`;
      const child = spawn("unshare", ["-m", "sh", "-c", script]);
      try {
        expect(String((await once(child.stdout, "data"))[0])).toBe("done\n");
        const buffer = new ReadBuffer();
        const options = { hasLongRecords: true };
        const file = new HeldFile(`/proc/${child.pid}/mountinfo`, buffer, options);
        file.read();
        const mounts = parseMountinfo(buffer.bytes.toString("utf8", 0, file.length));
        file.close();
        const points = mounts.map(({ mountPoint }) => mountPoint);
        expect(points.slice(-3)).toEqual(["m", "t1", "t2"].map((name) => join(place, name)));
      } finally {
        child.stdin.end();
        await once(child, "close");
      }
    },
  );

  test("a directory is no file", () => {
    const file = new HeldFile(directoryForTest(), new ReadBuffer());
    expect(() => file.read()).toThrow(expect.objectContaining({ code: "UNAVAILABLE" }));
  });
});
