import { expect, test } from "vitest";
import {
  NO_SESSION,
  sessionCookie,
  tokenOfCookie,
} from "../../../aggregator/model/session-cookie.ts";

test("a token goes into the cookie and comes back, among others", () => {
  const [pair] = sessionCookie("ttu_a-B_9").split(";");
  expect(tokenOfCookie(`theme=dark; ${pair}; x=y`)).toBe("ttu_a-B_9");
  expect(tokenOfCookie(NO_SESSION.split(";")[0])).toBeNull();
});

test.each([
  undefined,
  "",
  "telltale=x",
  "__Host-telltale",
  "__Host-telltale=a b",
  `__Host-telltale=${"x".repeat(513)}`,
])("%s is nobody's token", (header) => {
  expect(tokenOfCookie(header)).toBeNull();
});

test("no script sees it, no other site sends it, nothing unencrypted carries it", () => {
  for (const cookie of [sessionCookie("x"), NO_SESSION]) {
    expect(cookie).toMatch(/; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  }
});
