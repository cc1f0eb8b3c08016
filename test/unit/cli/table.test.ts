import { expect, test } from "vitest";
import { type Cell, formatTable } from "../../../cli/table.ts";
import { paintFor, printable } from "../../../cli/terminal.ts";

const plain = (text: string) => text;
const place = (i: number) => (row: readonly Cell[]) => row[i] ?? "";

test("columns are as wide as their widest cell, numbers stand to the right", () => {
  const columns = [
    { title: "NAME", cell: place(0) },
    { title: "N", align: "right" as const, cell: place(1) },
    { title: "NOTE", cell: place(2) },
  ];
  const rows = [
    ["web1", "5", "fine"],
    ["a-longer-name", "12345", ""],
    ["ü", "7", "x"],
  ];
  expect(formatTable(columns, rows, plain)).toBe(
    [
      "NAME               N  NOTE",
      "web1               5  fine",
      "a-longer-name  12345",
      "ü                  7  x",
      "",
    ].join("\n"),
  );
});

test("colours do not change the widths", () => {
  const paint = (text: string, color: string | null) => (color === null ? text : `<${text}>`);
  const rows = [[{ text: "up", color: "green" as const }, "x"]];
  const columns = [
    { title: "STATE", cell: place(0) },
    { title: "Y", cell: place(1) },
  ];
  expect(formatTable(columns, rows, paint)).toBe("<STATE>  <Y>\n<up>     x\n");
});

test("what a terminal would obey is shown, not sent", () => {
  expect(printable("a\u001b[2Jb\nc\u0007\u202ed\u009b")).toBe(
    "a\\u001b[2Jb\\nc\\u0007\\u202ed\\u009b",
  );
  const table = formatTable(
    [{ title: "A\u001b", cell: place(0) }],
    [["x\r\u001b]0;t\u0007"]],
    plain,
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left
  expect(table).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});

test("colour is for a terminal, and not under NO_COLOR", () => {
  const terminal = { write: () => {}, writeError: () => {}, nowMs: () => 0 };
  const painted = (isInteractive: boolean, environment: Record<string, string>) =>
    paintFor({ ...terminal, isInteractive, environment })("x", "red");
  expect(painted(true, {})).toBe("\u001b[31mx\u001b[0m");
  expect(painted(true, { NO_COLOR: "" })).toBe("\u001b[31mx\u001b[0m");
  expect(painted(true, { NO_COLOR: "1" })).toBe("x");
  expect(painted(false, {})).toBe("x");
});
