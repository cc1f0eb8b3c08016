import { expect, test } from "vitest";
import {
  noSession,
  secretOfCookie,
  sessionCookie,
} from "../../../aggregator/model/session-cookie.ts";

test.each(["", "/telltale"])("under %j a secret goes into the cookie and comes back", (prefix) => {
  const [pair] = sessionCookie("tts_a-B_9", prefix).split(";");
  expect(secretOfCookie(`theme=dark; ${pair}; x=y`, prefix)).toBe("tts_a-B_9");
  expect(secretOfCookie(noSession(prefix).split(";")[0], prefix)).toBeNull();
});

test.each([
  undefined,
  "",
  "telltale=x",
  "__Host-telltale",
  "__Host-telltale=a b",
  "__Host-telltale=a/b",
  "__Secure-telltale=x",
  `__Host-telltale=${"x".repeat(101)}`,
])("%s is nobody's session", (header) => {
  expect(secretOfCookie(header, "")).toBeNull();
});

test("no script sees it, no other site sends it, nothing unencrypted carries it", () => {
  for (const cookie of [sessionCookie("x", ""), noSession("")]) {
    expect(cookie).toMatch(/^__Host-telltale=.*; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  }
});

test("under a prefix nothing beside it on the host is sent the cookie", () => {
  for (const cookie of [sessionCookie("x", "/a/b"), noSession("/a/b")]) {
    expect(cookie).toMatch(
      /^__Secure-telltale=.*; Path=\/a\/b; Secure; HttpOnly; SameSite=Strict$/,
    );
  }
});
