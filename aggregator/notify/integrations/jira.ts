/** Jira's REST API: an issue for each group, found again by a label with the group's hash. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { groupHash, isFiring } from "../message-parts.ts";
import { cutText, oneLine } from "./cut-text.ts";
import { templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import type { Reading } from "./integration.ts";
import { type JiraIssue, JiraIssues, type JiraRules } from "./jira-issues.ts";
import {
  parsedJson,
  readFields,
  readTexts,
  readValues,
  type Texts,
  withoutEmpty,
  withoutMarkup,
} from "./message-texts.ts";

const SUMMARY_MAX = 255;
const DESCRIPTION_MAX = 32_767;

/** A template alone is written when the issue is made, and not again. */
const templateField = (template: string) =>
  z
    .union([
      z.string().transform((own) => ({ template: own, enable_update: false })),
      z.strictObject({ template: z.string(), enable_update: z.boolean().default(true) }),
    ])
    .default({ template, enable_update: false });

const texts = {
  project: text,
  labels: z.array(z.string()).default([]),
  priority: templated("jira.default.priority"),
  issue_type: text,
};
const schema = z.strictObject({
  ...httpFields,
  api_url: z.string().optional(),
  api_type: z.enum(["auto", "cloud", "datacenter"]).default("auto"),
  ...texts,
  summary: templateField('{{ template "jira.default.summary" . }}'),
  description: templateField('{{ template "jira.default.description" . }}'),
  reopen_transition: text,
  resolve_transition: text,
  wont_fix_resolution: text,
  reopen_duration: duration.default(0),
  fields: z.record(z.string(), z.unknown()).default({}),
});

type Raw = z.infer<typeof schema>;

export const jiraKind = httpKind({
  name: "jira",
  schema,
  read(raw, reading, client) {
    const base = raw.api_url ?? reading.globals.jira_api_url ?? "";
    if (base === "") reading.report("missing api_url in jira_config");
    else checkedUrl(reading, base, "api_url");
    if (raw.project === "") reading.report("missing project in jira_config");
    if (raw.issue_type === "") reading.report("missing issue_type in jira_config");
    const issueOf = readIssue(raw, base, reading);
    const server = { base, client, rules: rulesOf(raw, base) };
    return async (notification, ports, signal) => {
      const issue = issueOf(withoutMarkup(notification), ports);
      const issues = new JiraIssues(server, ports, signal);
      return await issues.tell(issue, isFiring(notification));
    };
  },
});

function rulesOf(raw: Raw, base: string): JiraRules {
  const isAtlassians = URL.canParse(base) && new URL(base).hostname.endsWith(".atlassian.net");
  return {
    isCloud: raw.api_type === "cloud" || (raw.api_type === "auto" && isAtlassians),
    resolveTransition: raw.resolve_transition,
    reopenTransition: raw.reopen_transition,
    wontFixResolution: raw.wont_fix_resolution,
    reopenMinutes: Math.floor(raw.reopen_duration / 60_000),
  };
}

function readIssue(raw: Raw, base: string, reading: Reading): Texts<JiraIssue> {
  const { summary, description } = raw;
  const expand = readFields(reading, raw, texts);
  const summaryOf = readTexts(reading, summary.template, ["summary"]);
  const describe = readDescription(description.template, base, reading);
  const ownOf = readValues(reading, raw.fields, ["fields"]);
  return (notification, ports) => {
    const { project, issue_type, labels, priority } = expand(notification, ports);
    const label = `ALERT{${groupHash(notification)}}`;
    const all: Record<string, unknown> = withoutEmpty({
      ...(ownOf(notification, ports) as object),
      project: { key: project },
      issuetype: { name: issue_type },
      summary: cutText(oneLine(summaryOf(notification, ports)), SUMMARY_MAX),
      description: describe(notification, ports),
      labels: [...labels, label],
      priority: priority === "" ? undefined : { name: priority },
    });
    // Labels that people added stay.
    const { project: _project, issuetype: _type, labels: _labels, ...updated } = all;
    if (!summary.enable_update) delete updated["summary"];
    if (!description.enable_update) delete updated["description"];
    return { all, updated, project, label };
  };
}

/** A text, or a document in the third version of the API, which users may write themselves. */
function readDescription(template: string, base: string, reading: Reading): Texts<unknown> {
  const expand = readTexts(reading, template, ["description"]);
  const isDocument = /\/rest\/api\/3\/?$/.test(base);
  const isWritten = /^\s*\{(?!\{)/.test(template);
  return (notification, ports) => {
    const description = expand(notification, ports);
    if (isDocument && isWritten) return parsedJson(description);
    const plain = cutText(description, DESCRIPTION_MAX);
    return isDocument ? documentOf(plain) : plain;
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
