import { expect, test } from "vitest";
import { parse } from "yaml";
import { redactedText } from "../../../../aggregator/notify/config/redacted-text.ts";

const FILE = `# api_key: s3cret-old
global:
  smtp_smarthost: mail.example:587 # s3cret-comment
  smtp_auth_username: ann
  smtp_auth_password: |
    s3cret
    lines
  smtp_auth_password_file: /etc/password
  slack_api_url: https://hooks.example/s3cret
  slack_app_token: s3cret
  opsgenie_api_url: https://u:s3cret@api.example/v1?x=s3cret
  victorops_api_key: 12345
  http_config:
    proxy_url: http://proxy:s3cret@proxy.example:3128
    authorization: { type: Bearer, credentials: s3cret }
    basic_auth: { username: ann, password: "s3cret" }
    oauth2: { client_id: me, client_secret: s3cret, token_url: https://id.example/t, endpoint_params: { a: s3cret } }
    http_headers: { X-Auth: { secrets: [s3cret, s3cret], values: [s3cret], files: [] } }
    tls_config: { ca_file: ca.pem, key: s3cret, key_file: key.pem, insecure_skip_verify: false }
route:
  receiver: ops # s3cret
  group_by: [alertname]
  routes:
    - match: { version: 1.10, token: shown, key: shown }
    - matchers: ['url="shown"']
receivers:
  - name: ops
    # s3cret
    webhook_configs:
      - url: https://hook.example/s3cret
        max_alerts: 5
      - { url_file: /etc/url, url: 's3cret' }
    slack_configs:
      - api_url: https://hooks.example/s3cret
        channel: &chat "#ops"
        app_token: *chat
    sns_configs:
      - api_url: https://sns.example/
        sigv4: { access_key: s3cret, secret_key: s3cret, region: x }
    pagerduty_configs: [{ routing_key: s3cret, description: 'see https://u:s3cret@x.example/?q=1' }]
    rocketchat_configs: [{ token_id: s3cret, token_id_file: /f }]
    dingtalk_configs:
      - access_token: &t s3cret
        secret: *t
        http_config: { http_headers: &h { X: { secrets: [s3cret] } } }
      - http_config: { http_headers: *h }
`;

test("secrets and comments are left out, everything else is there", () => {
  const text = redactedText(FILE);
  expect(text).not.toMatch(/s3cret|#[^o]|12345/);
  const value = parse(text);
  expect(value).toMatchObject({
    global: {
      smtp_smarthost: "mail.example:587",
      smtp_auth_username: "ann",
      smtp_auth_password: "<secret>",
      smtp_auth_password_file: "/etc/password",
      slack_api_url: "<secret>",
      opsgenie_api_url: "https://api.example/v1",
      victorops_api_key: "<secret>",
      http_config: {
        proxy_url: "http://proxy.example:3128",
        authorization: { type: "Bearer", credentials: "<secret>" },
        basic_auth: { username: "ann", password: "<secret>" },
        oauth2: { client_id: "me", token_url: "https://id.example/t" },
        tls_config: { key: "<secret>", key_file: "key.pem", insecure_skip_verify: false },
      },
    },
    receivers: [
      {
        webhook_configs: [{ url: "<secret>", max_alerts: 5 }, { url_file: "/etc/url" }],
        slack_configs: [{ api_url: "<secret>", app_token: "<secret>" }],
        sns_configs: [{ api_url: "https://sns.example/", sigv4: { region: "x" } }],
        pagerduty_configs: [{ description: "see https://x.example/?q=1" }],
        rocketchat_configs: [{ token_id_file: "/f" }],
      },
    ],
  });
  expect(value.route).toEqual(parse(FILE).route);
  expect(text).toContain("version: 1.10");
});

test("a file without anything is empty", () => {
  expect(redactedText("")).toBe("");
  expect(redactedText("# only this\n")).toBe("");
});
