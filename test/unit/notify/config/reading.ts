import { z } from "zod";
import type { NotifyConfigDeps } from "../../../../aggregator/notify/config/notify-config.ts";
import { parseNotifyConfig } from "../../../../aggregator/notify/config/notify-config.ts";
import type { IntegrationKind } from "../../../../aggregator/notify/integrations/integration.ts";
import type { NotifyConfig } from "../../../../aggregator/notify/routing.ts";
import { faultsError } from "../../../../shared/config/decode-yaml.ts";
import { OperationalError } from "../../../../shared/errors.ts";

const schema = z.strictObject({
  url: z.string().optional(),
  url_file: z.string().optional(),
  send_resolved: z.boolean().default(true),
});

/** A kind of receiver that sends nothing, to read files with. */
const hook: IntegrationKind<z.infer<typeof schema>> = {
  name: "webhook",
  schema,
  read: (raw, reading) => {
    if (raw.url_file !== undefined) reading.readText(raw.url_file);
    else if (raw.url === undefined) reading.report("no URL", ["url"]);
    reading.templates.compile("{{ .Status }}", "text");
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: 1000,
      perMinuteMax: null,
      send: async () => ({ outcome: "delivered", text: "", retryAfterMs: null }),
    };
  },
};

const FILES = new Map([["/etc/notify/secret", "https://hook.example/token\n"]]);

const TEST_DEPS: NotifyConfigDeps = {
  kinds: new Map([["webhook_configs", hook as IntegrationKind]]),
  readText: (path) => {
    const text = FILES.get(path);
    if (text === undefined) throw new OperationalError("NOT_FOUND", `${path} is not there`);
    return text;
  },
  readFiles: () => [],
  compileTemplates: () => ({ compile: () => () => "" }),
};

/** @throws OperationalError CONFIG naming each fault in a line of its own */
export function readConfig(text: string, deps: Partial<NotifyConfigDeps> = {}): NotifyConfig {
  const file = { path: "/etc/notify/routes.yaml", text };
  const { config, faults } = parseNotifyConfig(file, { ...TEST_DEPS, ...deps });
  if (config === null) throw faultsError(faults);
  return config;
}
