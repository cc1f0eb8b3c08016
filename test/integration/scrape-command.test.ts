import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { directoryForTest } from "../support/directory-for-test.ts";
import { Program, runProgram } from "../support/programs.ts";

const PAGE = '# TYPE x gauge\nx{b="1",a="2"} 1.5 5\na NaN\n{"x.y","l.m"="1"} 1e99\n';

async function serve(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

const scrape = (...args: string[]) => runProgram("agent", ["scrape", ...args]);

describe("telltale-agent scrape", () => {
  test("prints the samples of a file as text or JSON, in its order or sorted", async () => {
    const file = join(directoryForTest(), "page.txt");
    writeFileSync(file, PAGE);
    const lines = ['x{a="2",b="1"} 1.5 5', "a NaN", '{"x.y","l.m"="1"} 1e+99'];
    const text = await scrape(file);
    expect(text).toEqual({ code: 0, errors: "", output: `${lines.join("\n")}\n` });
    const sorted = await scrape(file, "--sort");
    expect(sorted.output.split("\n").slice(0, 3)).toEqual([lines[1], lines[0], lines[2]]);
    const json = await scrape(file, "--output", "json");
    expect(JSON.parse(json.output)).toEqual({
      format: "text",
      samples: [
        { labels: { __name__: "x", a: "2", b: "1" }, type: "gauge", value: "1.5", timestampMs: 5 },
        { labels: { __name__: "a" }, type: "unknown", value: "NaN" },
        { labels: { __name__: "x.y", "l.m": "1" }, type: "unknown", value: "1e+99" },
      ],
    });
  }, 120_000);

  test("of what it cannot read it says the line and why, exit code 1; of a wrong call 2", async () => {
    const file = join(directoryForTest(), "page.txt");
    writeFileSync(file, "x 1\nx{\n");
    expect(await scrape(file)).toEqual({
      ...{ code: 1, output: "", errors: "telltale-agent: line 2: no label's name\n" },
    });
    writeFileSync(file, "x 1\nx 2\n");
    const errors = expect.stringMatching(/left out.* 1\n/);
    expect(await scrape(file)).toEqual({ code: 0, output: "x 1\n", errors });
    expect(await scrape(file, "--format", "openmetrics")).toMatchObject({ code: 1 });
    expect(await scrape(join(directoryForTest(), "none"))).toMatchObject({ code: 1 });
    expect(await scrape()).toMatchObject({ code: 2 });
    expect(await scrape(file, "--format", "json")).toMatchObject({ code: 2 });
  }, 120_000);

  test("reads standard input, and takes it for OpenMetrics when it ends so", async () => {
    const piped = ["sh", "-c", "printf 'x 1 5\\n# EOF\\n' | \"$@\"", "sh"];
    const program = new Program("agent", ["scrape", "-"], piped);
    expect(await program.exited()).toBe(0);
    expect(program.output).toBe("x 1 5000\n");
  }, 120_000);

  test("gets a page as Prometheus does: formats by Content-Type, gzip, redirects", async () => {
    const asked: unknown[] = [];
    await using server = await serve(({ url, headers }, response) => {
      asked.push([url, headers.accept, headers["accept-encoding"]]);
      if (url === "/") response.writeHead(302, { location: "/metrics" }).end();
      else {
        const type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        response.writeHead(200, { "content-type": type, "content-encoding": "gzip" });
        response.end(gzipSync("x 1 5\n# EOF\n"));
      }
    });
    const { code, output, errors } = await scrape(server.url);
    expect({ code, output, errors }).toEqual({ code: 0, output: "x 1 5000\n", errors: "" });
    const accept = expect.stringContaining("application/openmetrics-text;version=1.0.0");
    expect(asked).toEqual([
      ["/", accept, "gzip"],
      ["/metrics", accept, "gzip"],
    ]);
  }, 120_000);

  test.each<[string, RequestListener, RegExp]>([
    ["an error", (_, response) => response.writeHead(503).end(), /status 503/],
    [
      "a redirect to a file",
      (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
      /Redirected to what is not HTTP/,
    ],
    [
      "a redirect to where clouds tell credentials",
      (_, response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
      /Redirected to a link-local address/,
    ],
    [
      "redirects without end",
      (_, response) => response.writeHead(302, { location: "/" }).end(),
      /more than 10 redirects/,
    ],
    [
      "gzip that grows a thousandfold",
      (_, response) => {
        response.writeHead(200, { "content-encoding": "gzip" });
        response.end(gzipSync(Buffer.alloc(100 * 1024 ** 2)));
      },
      /larger than 67108864 bytes/,
    ],
    [
      "an answer that breaks off",
      (_, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write("x 1\n", () => response.destroy());
      },
      /closed by the other side/,
    ],
    [
      "what is not gzip",
      (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x 1\n"),
      /packed answer is damaged/,
    ],
  ])(
    "refuses %s",
    async (_, answer, why) => {
      await using server = await serve(answer);
      const { code, output, errors } = await scrape(server.url);
      expect({ code, output }).toEqual({ code: 1, output: "" });
      expect(errors).toMatch(why);
      expect(errors.split("\n")).toHaveLength(2);
    },
    120_000,
  );
});
