import type { BackgroundSource } from "../background.ts";
import { gauge } from "../collector.ts";

const OS = gauge("node_os_info", "The operating system.");
const OS_VERSION = gauge("node_os_version", "Version of the operating system, major.minor.", 6);
const OS_LABELS = new Set(
  (
    "build_id id id_like image_id image_version name pretty_name variant variant_id version " +
    "version_codename version_id"
  ).split(" "),
);
const OS_BYTES_MAX = 64 * 1024;
const MINUTE_MS = 60_000;

/** Source: os-release(5). */
export function osSource(pathOf: (path: string) => string): BackgroundSource {
  return {
    name: "os",
    intervalMs: MINUTE_MS,
    read: async (files, reading) => {
      const found =
        (await files.file(pathOf("/etc/os-release"), OS_BYTES_MAX)) ??
        (await files.file(pathOf("/usr/lib/os-release"), OS_BYTES_MAX));
      if (found === null) return;
      const labels = osLabels(found.bytes.toString());
      reading.set(OS, labels, 1);
      const [, whole, part = ""] =
        /^([0-9]{1,9})(?:\.([0-9]{1,6}))?/.exec(labels["version_id"] ?? "") ?? [];
      if (whole === undefined) return;
      const { id = "", id_like = "", name = "" } = labels;
      reading.set(OS_VERSION, { id, id_like, name }, Number(whole + part.padEnd(6, "0")));
    },
  };
}

type Labels = Record<string, string>;

/** The labels that node_exporter takes of /etc/os-release. */
export function osLabels(text: string): Labels {
  const labels: Labels = {};
  for (const line of text.split("\n")) {
    const [, key = "", value = ""] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    const name = key.toLowerCase();
    if (OS_LABELS.has(name)) labels[name] = unquoted(value).replace(/\p{Cc}/gu, "");
  }
  return labels;
}

/** As a shell would take the word: quotes off, backslashes resolved outside single quotes. */
function unquoted(word: string): string {
  const [, single, double] = /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)")$/.exec(word) ?? [];
  if (single !== undefined) return single;
  return (double ?? word).replace(/\\(.)/g, "$1");
}
