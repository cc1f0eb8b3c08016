import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { httpConfigSchema, tlsConfigSchema } from "./http-config.ts";

const text = z.string();
const file = z.string().min(1);

const settings = z.strictObject({
  resolve_timeout: duration.optional(),
  http_config: httpConfigSchema.optional(),
  smtp_from: text.optional(),
  smtp_hello: text.optional(),
  smtp_smarthost: text.optional(),
  smtp_auth_username: text.optional(),
  smtp_auth_password: text.optional(),
  smtp_auth_password_file: file.optional(),
  smtp_auth_secret: text.optional(),
  smtp_auth_secret_file: file.optional(),
  smtp_auth_identity: text.optional(),
  smtp_require_tls: z.boolean().optional(),
  smtp_tls_config: tlsConfigSchema.optional(),
  smtp_force_implicit_tls: z.boolean().optional(),
  slack_api_url: text.optional(),
  slack_api_url_file: file.optional(),
  slack_app_token: text.optional(),
  slack_app_token_file: file.optional(),
  slack_app_url: text.optional(),
  pagerduty_url: text.optional(),
  opsgenie_api_key: text.optional(),
  opsgenie_api_key_file: file.optional(),
  opsgenie_api_url: text.optional(),
  wechat_api_url: text.optional(),
  wechat_api_secret: text.optional(),
  wechat_api_secret_file: file.optional(),
  wechat_api_corp_id: text.optional(),
  victorops_api_key: text.optional(),
  victorops_api_key_file: file.optional(),
  victorops_api_url: text.optional(),
  telegram_api_url: text.optional(),
  telegram_bot_token: text.optional(),
  telegram_bot_token_file: file.optional(),
  webex_api_url: text.optional(),
  jira_api_url: text.optional(),
  rocketchat_api_url: text.optional(),
  rocketchat_token: text.optional(),
  rocketchat_token_file: file.optional(),
  rocketchat_token_id: text.optional(),
  rocketchat_token_id_file: file.optional(),
  mattermost_webhook_url: text.optional(),
  mattermost_webhook_url_file: file.optional(),
});

export type Globals = z.infer<typeof settings>;

/** `global` of a routing file: defaults that integrations fall back to. */
export const globalsSchema = settings.superRefine((values, context) => {
  const isSet = (key: string) => key in values && values[key as keyof Globals] !== "";
  for (const key of Object.keys(settings.shape)) {
    const fileKey = `${key}_file`;
    if (!isSet(key) || !isSet(fileKey)) continue;
    const message = `at most one of ${key} & ${fileKey} must be configured`;
    context.addIssue({ code: "custom", path: [fileKey], message });
  }
});
