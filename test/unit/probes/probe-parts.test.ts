// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of Go have such
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { checkRequest, stateOf } from "../../../agent/probes/grpc/health-message.ts";
import { CookieJar } from "../../../agent/probes/http/cookie-jar.ts";
import { checksum, echoRequest, isReplyTo } from "../../../agent/probes/icmp/echo-packet.ts";
import { addressBytes, addressHash } from "../../../agent/probes/net/address-hash.ts";
import { hostAndPort } from "../../../agent/probes/net/open-socket.ts";
import { ProbePage } from "../../../agent/probes/page/probe-page.ts";
import { expandTemplate } from "../../../agent/probes/tcp/expand-template.ts";
import { LineReader } from "../../../agent/probes/tcp/line-reader.ts";

test("a page is sorted, and says of each metric what it is", () => {
  const page = new ProbePage();
  page.set("probe_success", 1);
  page.set("probe_http_duration_seconds", 0.5, { phase: "tls" });
  page.set("probe_http_duration_seconds", 1e-9, { phase: "connect" });
  page.set("probe_ssl_last_chain_info", 1, { subject: 'a"b\\c\nd', issuer: "" });
  page.set("probe_success", 0);
  const lines = page.text().split("\n");
  expect(lines.filter((line) => !line.startsWith("# HELP"))).toEqual([
    "# TYPE probe_http_duration_seconds gauge",
    'probe_http_duration_seconds{phase="connect"} 1e-09',
    'probe_http_duration_seconds{phase="tls"} 0.5',
    "# TYPE probe_ssl_last_chain_info gauge",
    'probe_ssl_last_chain_info{issuer="",subject="a\\"b\\\\c\\nd"} 1',
    "# TYPE probe_success gauge",
    "probe_success 0",
    "",
  ]);
});

describe("lines of a connection", () => {
  async function linesOf(...chunks: string[]): Promise<string[]> {
    const stream = new PassThrough();
    const reader = new LineReader(stream);
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    const lines: string[] = [];
    for (let line = await reader.next(); line !== null; line = await reader.next()) {
      lines.push(line);
    }
    return lines;
  }

  test("end with a newline, with or without a return, or with the connection", async () => {
    expect(await linesOf("a\r\nb\n\n", "c", "d\ne")).toEqual(["a", "b", "", "cd", "e"]);
    expect(await linesOf("")).toEqual([]);
  });

  test("are bounded", async () => {
    await expect(linesOf("x".repeat(65_536))).rejects.toThrow(/longer than 65536 bytes/);
    const [long] = await linesOf(`${"x".repeat(65_535)}\n`);
    expect(long).toHaveLength(65_535);
  });
});

test("a template is expanded as Go's", () => {
  const groups: Record<string, string> = { "0": "whole", "1": "one", name: "n" };
  const expand = (template: string) => expandTemplate(template, (which) => groups[which] ?? "");
  expect(expand("$0 $1 ${1}x $1x $name ${none}. $$1 $ ${ $-")).toBe(
    "whole one onex  n . $1 $ ${ $-",
  );
});

describe("cookies of redirects", () => {
  const jar = (from: string, ...lines: string[]) => {
    const cookies = new CookieJar();
    cookies.take(new URL(from), lines);
    return (url: string) => cookies.headerFor(new URL(url));
  };

  test("go to the host that set them, below their path", () => {
    const at = jar(
      "https://a.example/login/x",
      "s=1; Path=/; HttpOnly",
      "t=2",
      "s=3; Path=/; Secure",
    );
    expect(at("https://a.example/")).toBe("s=3");
    expect(at("https://a.example/login/y")).toBe("t=2; s=3");
    expect(at("http://a.example/login/y")).toBe("t=2");
    expect(at("https://b.example/login/y")).toBe("");
    expect(at("https://x.a.example/login/y")).toBe("");
  });

  test("go to a domain only where their host is in it", () => {
    const own = jar("http://www.a.example/", "s=1; Domain=.a.example; Path=/");
    expect(own("http://b.a.example/")).toBe("s=1");
    expect(own("http://xa.example/")).toBe("");
    expect(jar("http://www.a.example/", "s=1; Domain=b.example")("http://b.example/")).toBe("");
    expect(jar("http://www.a.example/", "s=1; Domain=example")("http://b.example/")).toBe("");
  });

  test("are bounded", () => {
    const many = Array.from({ length: 100 }, (_, i) => `c${i}=1`);
    const at = jar("http://a/", ...many, `long=${"x".repeat(5000)}`, "bad cookie", "x=a b");
    expect(at("http://a/").split("; ")).toHaveLength(50);
  });
});

describe("an echo", () => {
  const echo = { family: 4, id: 0x1234, sequence: 7, payload: Buffer.from("abc") } as const;

  test("is answered by the same with another type", () => {
    const request = echoRequest(echo);
    expect(request.subarray(0, 2).toString("hex")).toBe("0800");
    expect(checksum(request)).toBe(0);
    const reply = Buffer.from(request);
    expect(isReplyTo(echo, reply, true)).toBe(false);
    reply[0] = 0;
    expect(isReplyTo(echo, reply, true)).toBe(true);
    reply.writeUInt16BE(1, 4);
    expect([isReplyTo(echo, reply, true), isReplyTo(echo, reply, false)]).toEqual([false, true]);
    reply.writeUInt16BE(8, 6);
    expect(isReplyTo(echo, reply, false)).toBe(false);
    expect(isReplyTo(echo, Buffer.alloc(0), false)).toBe(false);
    expect(isReplyTo(echo, Buffer.alloc(20), false)).toBe(false);
  });

  test("of IPv6 has other types", () => {
    const request = echoRequest({ ...echo, family: 6 });
    expect(request[0]).toBe(128);
    request[0] = 129;
    expect(isReplyTo({ ...echo, family: 6 }, request, true)).toBe(true);
  });
});

test("the messages of gRPC's health", () => {
  expect(checkRequest("").toString("hex")).toBe("0000000000");
  expect(checkRequest("ab").toString("hex")).toBe("00000000040a026162");
  const long = checkRequest("x".repeat(200));
  expect(long.subarray(0, 8).toString("hex")).toBe("00000000cb0ac801");
  expect(stateOf(Buffer.from("00000000020801", "hex"))).toBe("SERVING");
  expect(stateOf(Buffer.from("0000000000", "hex"))).toBe("UNKNOWN");
  expect(stateOf(Buffer.from("00000000020809", "hex"))).toBe(null);
  expect(stateOf(Buffer.from("01000000020801", "hex"))).toBe(null);
  expect(stateOf(Buffer.from("00", "hex"))).toBe(null);
});

test.each([
  ["127.0.0.1", "7f000001"],
  ["::1", "00000000000000000000000000000001"],
  ["2001:db8::a:b", "20010db80000000000000000000a000b"],
  ["fe80::1%eth0", "fe800000000000000000000000000001"],
  ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
  ["::", "00000000000000000000000000000000"],
])("the bytes of %s", (ip, expected) => {
  expect(Buffer.from(addressBytes(ip)).toString("hex")).toBe(expected);
});

test("an address has the hash that blackbox_exporter gives it", () => {
  expect(addressHash("127.0.0.1")).toBe(3_668_918_509);
});

test.each([
  ["a.example:80", { host: "a.example", port: 80 }],
  ["[::1]:0", { host: "::1", port: 0 }],
  ["a.example", null],
  ["::1:80", null],
  ["a:http", null],
  ["a:70000", null],
  [":80", null],
])("host and port of %s", (address, expected) => {
  expect(hostAndPort(address)).toEqual(expected);
});
