import { expect, test } from "vitest";
import { chooseProxy } from "../../../shared/platform/choose-proxy.ts";

const PROXY = "http://proxy:3128";
const SETTINGS = { proxyUrl: PROXY, noProxy: "", proxyFromEnvironment: false };
const ENVIRONMENT = { proxyUrl: null, noProxy: "", proxyFromEnvironment: true };
const choose = (url: string, noProxy: string) =>
  chooseProxy(new URL(url), { ...SETTINGS, noProxy }, {});

test("a proxy of the settings is for everything, loopback too; without one there is none", () => {
  expect(choose("https://a.test/", "")).toBe(PROXY);
  expect(choose("http://127.0.0.1/", "")).toBe(PROXY);
  expect(chooseProxy(new URL("http://a.test"), { ...SETTINGS, proxyUrl: null }, {})).toBeNull();
});

test.each([
  ["a.test", "http://a.test/", true],
  ["a.test", "http://b.a.test/", true],
  ["a.test", "http://ba.test/", false],
  [".a.test", "http://b.a.test/", true],
  [".a.test", "http://a.test/", false],
  ["*.a.test", "http://b.a.test/", true],
  ["x, A.test ,y", "http://a.TEST/", true],
  ["a.test:8080", "http://a.test:8080/", true],
  ["a.test:8080", "http://a.test/", false],
  ["a.test:443", "https://a.test/", true],
  ["*", "http://anything.test/", true],
  ["10.0.0.0/8", "http://10.1.2.3/", true],
  ["10.0.0.0/8", "http://11.1.2.3/", false],
  ["10.0.0.0/8", "http://[fd00::1]/", false],
  ["fd00::/8", "http://[fd00::1]/", true],
  ["10.0.0.0/99", "http://10.0.0.1/", false],
  ["10.0.0.0/x", "http://10.0.0.0/", false],
  ["10.1.2.3", "http://10.1.2.3/", true],
  ["fd00::1", "http://[fd00::1]/", true],
  ["[fd00::1]:81", "http://[fd00::1]:81/", true],
  ["[fd00::1]:81", "http://[fd00::1]/", false],
  ["other", "http://localhost/", true],
  ["other", "http://127.3.4.5/", true],
  ["other", "http://[::1]/", true],
  [",,", "http://a.test/", false],
])("with no_proxy %s, %s goes without: %s", (noProxy, url, isExempt) => {
  expect(choose(url, noProxy)).toBe(isExempt ? null : PROXY);
});

test.each([
  [{ http_proxy: "p:1", HTTP_PROXY: "P:1" }, "http://a.test", "http://P:1"],
  [{ http_proxy: "http://p:1" }, "http://a.test", "http://p:1"],
  [{ http_proxy: "http://p:1" }, "https://a.test", null],
  [{ https_proxy: "https://p:1" }, "https://a.test", "https://p:1"],
  [{ https_proxy: "https://p:1", no_proxy: "a.test" }, "https://a.test", null],
  [{ HTTP_PROXY: "p:1" }, "http://localhost", null],
  [{}, "http://a.test", null],
])("the environment %j sends %s through %s", (environment, url, expected) => {
  expect(chooseProxy(new URL(url), ENVIRONMENT, environment)).toBe(expected);
});
