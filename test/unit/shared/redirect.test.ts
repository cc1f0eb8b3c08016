import { promisify } from "node:util";
import { expect, test } from "vitest";
import { keepsSecrets, lookupElsewhere } from "../../../shared/platform/redirect.ts";

test.each([
  ["http://a/1", "http://a/2", true],
  ["http://a:1/", "http://a:2/", true],
  ["http://a/", "https://a/", true],
  ["https://a/", "http://a/", false],
  ["https://a/", "https://b/", false],
  ["https://a/", "https://x.a/", false],
])("from %s to %s secrets are sent: %s", (from, next, expected) => {
  expect(keepsSecrets(new URL(from), new URL(next))).toBe(expected);
});

test("a name that stands for a metadata service is refused, others are looked up", async () => {
  const look = promisify(lookupElsewhere);
  await expect(look("169.254.169.254", { all: true })).rejects.toThrow("link-local");
  await expect(look("169.254.169.254", {})).rejects.toThrow("link-local");
  expect(await look("127.0.0.1", {})).toBe("127.0.0.1");
  expect(await look("127.0.0.1", { all: true })).toEqual([{ address: "127.0.0.1", family: 4 }]);
});
