import type { z } from "zod";
import { alertmanagerKind } from "./alertmanager.ts";
import { dingtalkKind } from "./dingtalk.ts";
import { discordKind } from "./discord.ts";
import { emailKind } from "./email.ts";
import { feishuKind } from "./feishu.ts";
import { incidentioKind } from "./incidentio.ts";
import type { IntegrationKind, Reading, Sender } from "./integration.ts";
import { jiraKind } from "./jira.ts";
import { mattermostKind } from "./mattermost.ts";
import { msteamsKind } from "./msteams.ts";
import { msteamsv2Kind } from "./msteamsv2.ts";
import { ntfyKind } from "./ntfy.ts";
import { opsgenieKind } from "./opsgenie.ts";
import { pagerdutyKind } from "./pagerduty.ts";
import { pushoverKind } from "./pushover.ts";
import { rocketchatKind } from "./rocketchat.ts";
import { slackKind } from "./slack.ts";
import { smsKind } from "./sms/sms.ts";
import { snsKind } from "./sns.ts";
import { telegramKind } from "./telegram.ts";
import { victoropsKind } from "./victorops.ts";
import { webexKind } from "./webex.ts";
import { webhookKind } from "./webhook.ts";
import { wechatKind } from "./wechat.ts";
import { wecomKind } from "./wecom.ts";

/** Of whatever its schema reads. */
type AnyKind = {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly read: (raw: never, reading: Reading) => Sender;
};

const KINDS: readonly AnyKind[] = [
  alertmanagerKind,
  dingtalkKind,
  discordKind,
  emailKind,
  feishuKind,
  incidentioKind,
  jiraKind,
  mattermostKind,
  msteamsKind,
  msteamsv2Kind,
  ntfyKind,
  opsgenieKind,
  pagerdutyKind,
  pushoverKind,
  rocketchatKind,
  slackKind,
  smsKind,
  snsKind,
  telegramKind,
  victoropsKind,
  webexKind,
  webhookKind,
  wechatKind,
  wecomKind,
];

/** By their key in a receiver: `webhook_configs`. A kind reads only what its own schema has read. */
export const INTEGRATION_KINDS: ReadonlyMap<string, IntegrationKind> = new Map(
  KINDS.map((kind) => [`${kind.name}_configs`, kind as IntegrationKind]),
);
