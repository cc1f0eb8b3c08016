import { expect, test } from "vitest";
import { INTEGRATION_KINDS } from "../../../../aggregator/notify/integrations/registry.ts";
import { notificationOf, portsOf } from "../../../support/receiver-kind.ts";
import { readConfig } from "./reading.ts";

const TEMPLATES = { compile: (text: string) => () => text };

/** What the delivery log has of a receiver that refuses and says `text`. */
async function logged(kind: string, entry: string, text: string): Promise<string | undefined> {
  const file = `route: { receiver: a }\nreceivers: [{ name: a, ${kind}_configs: [${entry}] }]`;
  const config = readConfig(file, { kinds: INTEGRATION_KINDS, compileTemplates: () => TEMPLATES });
  const integration = config.receivers.get("a")?.integrations[0];
  const ports = portsOf(async () => ({ status: 404, text, retryAfterMs: null }));
  const answer = await integration?.send(notificationOf(), ports, new AbortController().signal);
  return answer?.text;
}

test.each([
  ["opsgenie", "{ api_key: s3cretkey }", "no such key s3cretkey", "no such key <secret>"],
  [
    "webhook",
    "{ url: 'http://w/hook?token=s3cret%2Fx' }",
    "hook?token=s3cret%2Fx",
    "hook?token=<secret>",
  ],
  [
    "webhook",
    "{ url: 'http://w/services/0123456789abcdef' }",
    "no /services/0123456789abcdef",
    "no /services/<secret>",
  ],
  ["webhook", "{ url: 'http://u:passw0rd@w/hook' }", "u:passw0rd", "u:<secret>"],
  [
    "slack",
    "{ api_url: 'http://s/T/B/0123456789abcdefghijklmn' }",
    "/T/B/0123456789abcdefghijklmn",
    "/T/B/<secret>",
  ],
])(
  "an answer of %s does not say again what %s has for a secret",
  async (kind, entry, text, shown) => {
    expect(await logged(kind, entry, text)).toBe(`404: ${shown}`);
  },
);

test("a key that is cut in the middle is hidden before", async () => {
  const key = "k".repeat(40);
  const text = `${"x".repeat(190)} ${key}`;
  expect(await logged("opsgenie", `{ api_key: ${key} }`, text)).not.toContain("kkk");
});

test("what is too short for a key, and names of paths, stay", async () => {
  const entry = "{ url: 'http://w/hook?v=1' }";
  expect(await logged("webhook", entry, "1 hook was not found")).toBe("404: 1 hook was not found");
});
