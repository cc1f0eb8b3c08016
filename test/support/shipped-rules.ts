import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Bed, eventually, type Hook, type HookAlert, type Program } from "./programs.ts";

const read = (name: string) =>
  readFileSync(join(import.meta.dirname, "../../systemd/rules", name), "utf8");

/** The rules that are in force from the first start. */
export const SHIPPED = read("telltale.yaml");
/** Only their times are shortened; what they look at and how far they look back is not. */
export const SHORTENED = SHIPPED
  // A health check takes its time, here too.
  .replaceAll(
    /^( +)for: (\w+)$/gm,
    (_, indent, time) => `${indent}for: ${time === "5m" ? "10s" : "2s"}`,
  )
  .replaceAll(/^( +)interval: \w+$/gm, "$1interval: 1s");

/**
 * Of services, with ten seconds for two minutes and for ten. A service is known after twenty seconds, of which
 * those before an alert fires are many: so the half of them is what is usual.
 */
export const SERVICES_SHORTENED = read("services.yaml")
  .replaceAll(/\[(?:2m|10m|15m)\]/g, "[10s]")
  .replaceAll("> 144", "> 20")
  .replaceAll("quantile_over_time(0.99, service", "quantile_over_time(0.5, service")
  .replaceAll(/^( +)interval: \w+$/gm, "$1interval: 1s");

const ROUTING = (url: string) => `
route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s }
receivers:
  - name: hook
    webhook_configs: [{ url: "${url}" }]
`;

/** All of them in force, and told to the hook. */
export async function startWithRules(bed: Bed, hook: Hook): Promise<Program> {
  bed.write("rules/telltale.yaml", SHORTENED);
  bed.write("notify.yaml", ROUTING(hook.url));
  return await bed.startReadyAggregator();
}

/** What the receiver was told, by alert and culprit. */
export function told(hook: Hook, status: string): Map<string, HookAlert> {
  const alerts = hook.received.flatMap(({ body }) => body.alerts);
  return new Map(
    alerts
      .filter((alert) => alert.status === status)
      .map((alert) => {
        const { alertname, name, mountpoint, receiver, rule_group, instance, service } =
          alert.labels;
        const culprit = name ?? mountpoint ?? receiver ?? rule_group ?? instance ?? service;
        return [`${alertname} ${culprit}`, alert];
      }),
  );
}

export const fires = (hook: Hook, alert: string) => isTold(hook, alert, "firing");
export const isResolved = (hook: Hook, alert: string) => isTold(hook, alert, "resolved");

async function isTold(hook: Hook, alert: string, status: string): Promise<void> {
  await patiently(() => {
    const all = told(hook, status);
    if (!all.has(alert)) throw new Error(`not ${alert} is ${status}, but ${[...all.keys()]}`);
    return true;
  });
}

/** On two cores, beside other tests of the kind. */
export async function patiently(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(isTrue, 90_000);
}

/** A host of files, with a disk called small unless it has no mount. */
export function fakeHost(bed: Bed) {
  const root = bed.path("host");
  for (const folder of ["proc/1", "sys", "small"])
    mkdirSync(join(root, folder), { recursive: true });
  for (const name of ["stat", "meminfo", "uptime", "vmstat", "loadavg"]) {
    if (existsSync(`/proc/${name}`)) cpSync(`/proc/${name}`, join(root, "proc", name));
  }
  const setMounts = (small: string | null) => {
    const mounts = ["21 1 8:1 / / rw - ext4 /dev/root rw"];
    if (small !== null) mounts.push(`22 21 0:20 / /small ${small}`);
    bed.write("host/proc/1/mountinfo", `${mounts.join("\n")}\n`);
  };
  return { root, small: join(root, "small"), setMounts };
}
