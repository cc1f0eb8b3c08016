/** Jira's REST API: an issue for each group, found again by a label with the group's hash. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { groupHash, isFiring } from "../message-parts.ts";
import { cutText, SEND_TIMEOUT_MS } from "./http-send.ts";
import type { IntegrationKind, Reading } from "./integration.ts";
import { JiraIssues, type JiraRules } from "./jira-issues.ts";
import {
  parsedJson,
  readTexts,
  readValues,
  type Texts,
  withoutEmpty,
  withoutMarkup,
} from "./message-texts.ts";

const text = z.string().default("");
/** A template alone is written when the issue is made, and not again. */
const templateField = (template: string) =>
  z
    .union([
      z.string().transform((own) => ({ template: own, enable_update: false })),
      z.strictObject({ template: z.string(), enable_update: z.boolean().default(true) }),
    ])
    .default({ template, enable_update: false });

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  api_url: z.string().optional(),
  api_type: z.enum(["auto", "cloud", "datacenter"]).default("auto"),
  project: text,
  summary: templateField('{{ template "jira.default.summary" . }}'),
  description: templateField('{{ template "jira.default.description" . }}'),
  labels: z.array(z.string()).default([]),
  priority: z.string().default('{{ template "jira.default.priority" . }}'),
  issue_type: text,
  reopen_transition: text,
  resolve_transition: text,
  wont_fix_resolution: text,
  reopen_duration: duration.optional(),
  fields: z.record(z.string(), z.unknown()).default({}),
});

type Raw = z.infer<typeof schema>;

const SUMMARY_MAX = 255;
const DESCRIPTION_MAX = 32_767;

export const jiraKind: IntegrationKind<Raw> = {
  name: "jira",
  schema,
  read: (raw, reading) => {
    const base = raw.api_url ?? reading.globals.jira_api_url ?? "";
    if (base === "") reading.report("missing api_url in jira_config");
    else checkedUrl(reading, base, "api_url");
    if (raw.project === "") reading.report("missing project in jira_config");
    if (raw.issue_type === "") reading.report("missing issue_type in jira_config");
    const client = readHttpConfig(raw.http_config, reading);
    const fieldsOf = readFields(raw, base, reading);
    const rules: JiraRules = {
      isCloud: raw.api_type === "cloud" || (raw.api_type === "auto" && isCloudUrl(base)),
      resolveTransition: raw.resolve_transition,
      reopenTransition: raw.reopen_transition,
      wontFixResolution: raw.wont_fix_resolution,
      reopenMinutes: Math.floor((raw.reopen_duration ?? 0) / 60_000),
    };
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const fields = fieldsOf(withoutMarkup(notification), ports);
        const issues = new JiraIssues({ base, client, rules }, ports, signal);
        const label = `ALERT{${groupHash(notification)}}`;
        return await issues.tell(fields, { label, isFiring: isFiring(notification) });
      },
    };
  },
};

function isCloudUrl(base: string): boolean {
  return URL.canParse(base) && new URL(base).hostname.endsWith(".atlassian.net");
}

type JiraFields = {
  /** Of a new issue. */
  readonly all: Readonly<Record<string, unknown>>;
  /** Of one that is there. */
  readonly updated: Readonly<Record<string, unknown>>;
  readonly project: string;
};

function readFields(raw: Raw, base: string, reading: Reading): Texts<JiraFields> {
  const { project, issue_type, labels, priority } = raw;
  const textsOf = readTexts(reading, {
    ...{ project, issue_type, labels, priority },
    ...{ summary: raw.summary.template, description: raw.description.template },
  });
  const ownOf = readValues(reading, raw.fields, ["fields"]);
  // The third version takes the Atlassian Document Format, which users may write themselves.
  const isDocument = /\/rest\/api\/3\/?$/.test(base);
  const isWritten = /^\s*\{(?!\{)/.test(raw.description.template);
  return (notification, ports) => {
    const texts = textsOf(notification, ports);
    const summary = cutText(texts.summary.replace(/[\p{Cc}\s]+/gu, " ").trim(), SUMMARY_MAX);
    const plain = cutText(texts.description, DESCRIPTION_MAX);
    const document = isWritten ? parsedJson(texts.description) : documentOf(plain);
    const description = isDocument ? document : plain;
    const own = ownOf(notification, ports) as Record<string, unknown>;
    const all = withoutEmpty({
      ...own,
      project: { key: texts.project },
      issuetype: { name: texts.issue_type },
      summary,
      description,
      labels: [...texts.labels, `ALERT{${groupHash(notification)}}`],
      priority: texts.priority === "" ? undefined : { name: texts.priority },
    });
    // Labels that people added stay.
    const { project: _project, issuetype: _type, labels: _labels, ...updated } = all;
    if (!raw.summary.enable_update) delete updated.summary;
    if (!raw.description.enable_update) delete updated.description;
    return { all, updated, project: texts.project };
  };
}

/** Plain text in the Atlassian Document Format: a paragraph for each line. */
function documentOf(plain: string) {
  const paragraph = (line: string) => ({
    type: "paragraph",
    content: line === "" ? [] : [{ type: "text", text: line }],
  });
  return { type: "doc", version: 1, content: plain.split("\n").map(paragraph) };
}
