import { expect, test } from "vitest";
import { scrapeWords, unitEndpoint } from "../../../agent/scrape/discovery/unit-file.ts";
import {
  type BusValue,
  type CallSystemd,
  unitTargets,
} from "../../../agent/scrape/discovery/unit-targets.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsRecord } from "../../../shared/model/labels.ts";

type Unit = { readonly state?: string; readonly files?: readonly string[] };

function systemd(units: Readonly<Record<string, Unit>>): CallSystemd {
  return async ({ path, member, arguments: [, property] }) => {
    if (member === "ListUnits") {
      const list = Object.entries(units).map(([name, { state = "active" }]): BusValue => {
        return [name, "", "loaded", state, "running", "", `/u/${name}`, 0, "", "/"];
      });
      return [list];
    }
    const files = units[path.slice("/u/".length)]?.files;
    if (files === undefined) throw new OperationalError("NOT_FOUND", "no such unit");
    const [fragment = "", ...dropIns] = files;
    return [property === "FragmentPath" ? fragment : dropIns];
  };
}

test("active services that ask are targets, drop-ins counted", async () => {
  const files: Readonly<Record<string, string>> = {
    "/lib/a.service": "[Unit]\nX-Telltale-Scrape=:9100/metrics\n",
    "/lib/b.service": "[Service]\nExecStart=/b\n",
    "/etc/b.d/x.conf": "[Service]\nX-Telltale-Scrape=https://[::1]:9443 bad\n",
    "/lib/c.service": "[Unit]\nX-Telltale-Scrape=:1\n",
  };
  const call = systemd({
    "a.service": { files: ["/lib/a.service"] },
    "b.service": { files: ["/lib/b.service", "/etc/b.d/x.conf"] },
    "c.service": { state: "inactive", files: ["/lib/c.service"] },
    "c.socket": { files: ["/lib/c.service"] },
    "gone.service": {},
    "unreadable.service": { files: ["/lib/other.service", "relative"] },
  });
  const read: string[] = [];
  const readFile = async (path: string) => {
    read.push(path);
    return files[path] ?? null;
  };
  const { groups, refused } = await unitTargets(call, readFile, "node-1");
  expect(groups.flatMap(({ targets }) => targets.map((one) => ({ ...labelsRecord(one) })))).toEqual(
    [
      {
        __address__: "127.0.0.1:9100",
        __scheme__: "http",
        __metrics_path__: "/metrics",
        job: "a",
        instance: "node-1:9100",
        unit: "a.service",
        service: "a",
      },
      {
        __address__: "[::1]:9443",
        __scheme__: "https",
        __metrics_path__: "/metrics",
        job: "b",
        instance: "node-1:9443",
        unit: "b.service",
        service: "b",
      },
    ],
  );
  expect(refused).toEqual([{ subject: "b.service", reason: "not [HOST]:PORT[/PATH]: bad" }]);
  expect(read).not.toContain("relative");
});

test("an answer of systemd that is no list is an error", async () => {
  const call: CallSystemd = async () => ["nonsense"];
  await expect(unitTargets(call, async () => null, "n")).rejects.toThrow(/no list of units/);
});

test.each<[string, string[], string[]]>([
  ["one value", ["[Unit]\nX-Telltale-Scrape = :1/m\n"], [":1/m"]],
  [
    "both sections",
    ["[Unit]\nX-Telltale-Scrape=:1\n[Service]\nX-Telltale-Scrape=:2"],
    [":1", ":2"],
  ],
  ["no other section", ["[Install]\nX-Telltale-Scrape=:1\n"], []],
  ["nothing before a section", ["X-Telltale-Scrape=:1\n"], []],
  ["comments", ["[Unit]\n#X-Telltale-Scrape=:1\n;X-Telltale-Scrape=:2\n"], []],
  ["a line that goes on", ["[Unit]\nX-Telltale-Scrape=:1 \\\n# between\n :2\n"], [":1", ":2"]],
  [
    "another file adds",
    ["[Unit]\nX-Telltale-Scrape=:1", "[Unit]\nX-Telltale-Scrape=:2"],
    [":1", ":2"],
  ],
  [
    "an empty value takes back",
    ["[Unit]\nX-Telltale-Scrape=:1", "[Unit]\nX-Telltale-Scrape=\n"],
    [],
  ],
  ["CRLF", ["[Unit]\r\nX-Telltale-Scrape=:1\r\n"], [":1"]],
])("unit files: %s", (_, texts, expected) => {
  expect(scrapeWords(texts)).toEqual(expected);
});

test.each([
  [":9100", "http", "127.0.0.1:9100", "/metrics"],
  ["db.local:1/x", "http", "db.local:1", "/x"],
  ["https://[fe80::1]:65535/", "https", "[fe80::1]:65535", "/"],
])("the endpoint %s", (word, scheme, address, path) => {
  expect(unitEndpoint(word)).toMatchObject({ scheme, address, path });
});

test.each(["", "9100", ":0", ":65536", "file://a:1", "a b:1", ":1metrics", "u@h:1", ":1/a b"])(
  "%j is no endpoint",
  (word) => {
    expect(unitEndpoint(word)).toBeNull();
  },
);
