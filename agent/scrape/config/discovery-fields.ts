import { z } from "zod";
import { type Report, type ResolvePath, reportBelow } from "../../../shared/config/report.ts";
import { httpFields, isHttpUrl, readHttp } from "./http-fields.ts";
import { duration, path, refused, targetLabels, text } from "./scalar-fields.ts";
import type { ScrapeConfig } from "./scrape-config.ts";

const LIST_MAX = 1000;
const TARGETS_MAX = 10_000;
const MINUTE_MS = 60_000;

const staticConfig = z.strictObject({
  targets: z.array(text).max(TARGETS_MAX).default([]),
  labels: targetLabels.default({}),
});

const fileDiscovery = z.strictObject({
  files: z
    .array(
      path.regex(
        /^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/,
        "must end in .json, .yml or .yaml, with a * at most in its last part",
      ),
    )
    .min(1, "at least one file")
    .max(LIST_MAX),
  refresh_interval: duration.default(5 * MINUTE_MS),
});

const httpDiscovery = z.strictObject({
  url: z.string().max(4096).refine(isHttpUrl, "must be an http or https URL"),
  refresh_interval: duration.default(MINUTE_MS),
  ...httpFields,
});

const dockerDiscovery = z.strictObject({
  host: z
    .string()
    .max(4096)
    .regex(
      /^(unix:\/\/\/[^?#]+|(tcp|https?):\/\/[^/?#]+\/?)$/,
      "must be unix:///PATH, or tcp://, http:// or https:// with HOST:PORT",
    ),
  port: z.number().int().min(1).max(65_535).default(80),
  host_networking_host: text.default("localhost"),
  match_first_network: z.boolean().default(true),
  filters: z
    .array(
      z.strictObject({ name: z.string().min(1).max(256), values: z.array(text).max(LIST_MAX) }),
    )
    .max(LIST_MAX)
    .default([]),
  refresh_interval: duration.default(MINUTE_MS),
  ...httpFields,
});

const OTHERS = (
  "azure consul digitalocean dns dockerswarm ec2 eureka gce hetzner ionos kubernetes kuma lightsail " +
  "linode marathon nerve nomad openstack outscale ovhcloud puppetdb scaleway serverset stackit " +
  "triton uyuni vultr"
).split(" ");

const refusedDiscoveries = Object.fromEntries(
  OTHERS.map((name) => [
    `${name}_sd_configs`,
    refused(
      "not supported: write its targets to a file for file_sd_configs, or serve them to http_sd_configs",
    ),
  ]),
);

export const discoveryFields = {
  static_configs: z.array(staticConfig).max(LIST_MAX).optional(),
  file_sd_configs: z.array(fileDiscovery).max(LIST_MAX).optional(),
  http_sd_configs: z.array(httpDiscovery).max(LIST_MAX).optional(),
  docker_sd_configs: z.array(dockerDiscovery).max(LIST_MAX).optional(),
  ...refusedDiscoveries,
};

type RawDiscovery = {
  readonly relabel_configs?: readonly unknown[] | undefined;
  readonly static_configs?: z.infer<typeof staticConfig>[] | undefined;
  readonly file_sd_configs?: z.infer<typeof fileDiscovery>[] | undefined;
  readonly http_sd_configs?: z.infer<typeof httpDiscovery>[] | undefined;
  readonly docker_sd_configs?: z.infer<typeof dockerDiscovery>[] | undefined;
};

type Discoveries = Pick<
  ScrapeConfig,
  "staticGroups" | "fileDiscoveries" | "httpDiscoveries" | "dockerDiscoveries"
>;

export function readDiscoveries(
  raw: RawDiscovery,
  resolve: ResolvePath,
  report: Report,
): Discoveries {
  const at = (key: string, index: number) => reportBelow(reportBelow(report, key), index);
  return {
    staticGroups: readStatic(raw, report),
    fileDiscoveries: (raw.file_sd_configs ?? []).map((one) => ({
      files: one.files.map(resolve),
      refreshMs: one.refresh_interval,
    })),
    httpDiscoveries: (raw.http_sd_configs ?? []).map((one, index) => ({
      url: one.url,
      refreshMs: one.refresh_interval,
      http: readHttp(one, resolve, at("http_sd_configs", index)),
    })),
    dockerDiscoveries: (raw.docker_sd_configs ?? []).map((one, index) => ({
      host: one.host,
      port: one.port,
      filters: filtersOf(one.filters),
      hostNetworkingHost: one.host_networking_host,
      matchFirstNetwork: one.match_first_network,
      refreshMs: one.refresh_interval,
      http: readHttp(one, resolve, at("docker_sd_configs", index)),
    })),
  };
}

/** Only relabelling can make an address of a URL, such as one that is to be probed. */
function readStatic(raw: RawDiscovery, report: Report): z.infer<typeof staticConfig>[] {
  const groups = raw.static_configs ?? [];
  if ((raw.relabel_configs ?? []).length > 0) return groups;
  for (const [index, { targets }] of groups.entries()) {
    for (const [place, target] of targets.entries()) {
      if (!target.includes("/")) continue;
      const why = "must be HOST:PORT without a scheme or a path, which have keys of their own";
      report(why, ["static_configs", index, "targets", place]);
    }
  }
  return groups;
}

function filtersOf(given: z.infer<typeof dockerDiscovery>["filters"]): Record<string, string[]> {
  const filters = new Map<string, string[]>();
  for (const { name, values } of given) {
    filters.set(name, [...(filters.get(name) ?? []), ...values]);
  }
  return Object.fromEntries(filters);
}
