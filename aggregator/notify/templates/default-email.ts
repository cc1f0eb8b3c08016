/** The mail, as HTML and as plain text. Styles stand in the elements: many readers drop all others. */

import { ANNOTATIONS } from "../context-state.ts";
import { CONTEXT_NAMES } from "./context-names.ts";

const CELL = "padding:4px 12px 4px 0;vertical-align:top;";
const NAME_CELL = `<th align="left" style="${CELL}white-space:nowrap;font-weight:600;color:#52606d">`;
const VALUE_CELL = `<td style="${CELL}white-space:pre-line;word-break:break-word">`;
const BODY = "margin:0;padding:16px;background-color:#f0f2f5;color:#1f2933;font-size:14px;";
const SHEET = "max-width:680px;margin:0 auto;padding:20px;background-color:#ffffff;";
const CARD = "margin:0 0 16px 0;padding:12px;border:1px solid #d9dee4;";

function row(name: string, value: string): string {
  return `<tr>${NAME_CELL}${name}</th>${VALUE_CELL}${value}</td></tr>`;
}

const BLOCK = "margin:0;white-space:pre-wrap;word-break:break-word;font-family:monospace;";

/** What was found out about the alert when the mail was made, by the heading that it stands under. */
const CONTEXT = [
  ["Graph", ANNOTATIONS.sparkline],
  ["Processes", ANNOTATIONS.processes],
  ["Containers", ANNOTATIONS.containers],
  ["Log", ANNOTATIONS.logs],
  ["Changes", ANNOTATIONS.changes],
] as const;

const CONTEXT_ROWS = CONTEXT.map(([heading, name]) => {
  const block = `<pre style="${BLOCK}">{{ . }}</pre>`;
  return `{{ with .Alert.Annotations.${name} }}${row(heading, block)}{{ end }}`;
}).join("\n");

const CONTEXT_LINES = CONTEXT.map(([heading, name]) => {
  const lines = String.raw`{{ reReplaceAll "\n" "\n    " . }}{{ "\n" }}`;
  return `{{- with .Annotations.${name} }}  ${heading}:{{ "\\n    " }}${lines}{{ end -}}`;
}).join("\n");

const ALERT = `
{{ define "__email_pairs" -}}
  {{- range .SortedPairs }}{{ .Name }} = {{ .Value }}<br>{{ end -}}
{{- end }}

{{ define "__email_alert" -}}
<div style="${CARD}">
<table role="presentation" cellspacing="0" cellpadding="0" style="width:100%">
${row("Alert", "<b>{{ .Alert.Labels.alertname }}</b>")}
{{ with .Alert.Labels.severity }}${row("Severity", "{{ . }}")}{{ end }}
{{ with .Alert.Labels.instance }}${row("Instance", "{{ . }}")}{{ end }}
{{ with .Alert.Annotations.summary }}${row("Summary", "{{ . }}")}{{ end }}
{{ with .Alert.Annotations.value }}${row("Value", "{{ . }}")}{{ end }}
${row("Since", '{{ template "__time" .Alert.StartsAt }}')}
{{ if eq .Alert.Status "resolved" }}
${row("Until", '{{ template "__time" .Alert.EndsAt }}')}
{{ end }}
${row("Labels", '{{ template "__email_pairs" .Alert.Labels }}')}
{{ with .Alert.Annotations.Remove (stringSlice "summary" "value" ${CONTEXT_NAMES}) }}
${row("Annotations", '{{ template "__email_pairs" . }}')}
{{ end }}
${CONTEXT_ROWS}
</table>
<p style="margin:8px 0 0 0">
{{ if match "^https?://" .Alert.Annotations.telltale_link -}}
<a href="{{ .Alert.Annotations.telltale_link }}">Alert</a> &#183; {{ end -}}
{{ if match "^https?://" .Alert.GeneratorURL -}}
<a href="{{ .Alert.GeneratorURL }}">Source</a> &#183; {{ end -}}
<a href="{{ template "__silence_url" (dict "ExternalURL" .ExternalURL "Labels" .Alert.Labels) }}">
Silence</a></p>
</div>
{{- end }}

{{ define "__email_alerts" -}}
  {{- $all := . -}}
  {{- range $i, $alert := .Alerts -}}
    {{- if eq $i 20 }}<p>20 of {{ len $all.Alerts }} alerts are shown.</p>{{ break }}{{ end }}
    {{ template "__email_alert" (dict "Alert" . "ExternalURL" $all.ExternalURL) }}
  {{- end -}}
{{- end }}
`;

const HTML = `
{{ define "email.default.subject" }}{{ template "__subject" . }}{{ end }}

{{ define "email.default.html" -}}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ template "__subject" . }}</title>
</head>
<body style="${BODY}line-height:1.5;font-family:Helvetica,Arial,sans-serif">
<div style="${SHEET}border-top:6px solid {{ if eq .Status "firing" }}#c62828{{ else }}#2e7d32{{ end }}">
<h1 style="margin:0 0 12px 0;font-size:18px;word-break:break-word">{{ template "__subject" . }}</h1>
{{ with .CommonAnnotations.summary }}<p style="margin:0 0 16px 0">{{ . }}</p>{{ end }}
{{ with .Alerts.Firing -}}
<h2 style="margin:0 0 8px 0;font-size:15px">Firing: {{ len . }}</h2>
{{ template "__email_alerts" (dict "Alerts" . "ExternalURL" $.ExternalURL) }}
{{- end }}
{{ with .Alerts.Resolved -}}
<h2 style="margin:0 0 8px 0;font-size:15px">Resolved: {{ len . }}</h2>
{{ template "__email_alerts" (dict "Alerts" . "ExternalURL" $.ExternalURL) }}
{{- end }}
<p style="margin:16px 0 0 0;color:#52606d">
<a href="{{ template "__alertmanagerURL" . }}">Alerts of this receiver</a>,
sent by {{ template "__alertmanager" . }}</p>
</div>
</body>
</html>
{{- end }}
`;

const TEXT = `
{{ define "__email_text_list" -}}
  {{- range $i, $alert := . -}}
    {{- if eq $i 50 }}(50 of {{ len $ }} alerts){{ "\\n" }}{{ break }}{{ end -}}
    {{ template "__text_alert" . }}
    ${CONTEXT_LINES}
  {{- end -}}
{{- end }}

{{ define "__email_text_message" -}}
  {{- with .Alerts.Firing }}Firing:{{ "\\n" }}{{ template "__email_text_list" . }}{{ end -}}
  {{- with .Alerts.Resolved }}Resolved:{{ "\\n" }}{{ template "__email_text_list" . }}{{ end -}}
{{- end }}

{{ define "email.default.text" -}}
{{ template "__subject" . }}

{{ template "__email_text_message" . }}
{{ with .CommonLabels }}Silence what these have in common:
{{ template "__silence_url" (dict "ExternalURL" $.ExternalURL "Labels" .) }}
{{ end }}Alerts of this receiver:
{{ template "__alertmanagerURL" . }}
{{- end }}
`;

export const EMAIL_TEMPLATES = ALERT + HTML + TEXT;
