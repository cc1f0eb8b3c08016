/**
 * The templates that ship with Telltale, under the names that Alertmanager's have, so that files of
 * users that call or replace them work. Those with `__` in front are parts of others.
 */

import { CONTEXT_NAMES } from "./context-names.ts";
import { CHAT_TEMPLATES } from "./default-chat.ts";
import { EMAIL_TEMPLATES } from "./default-email.ts";

/** Of a list that is longer only the first 50 alerts are shown, and how many there are. */
const PARTS = String.raw`
{{ define "__alertmanager" }}Telltale{{ end }}

{{ define "__alertmanagerURL" -}}
  {{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}
{{- end }}

{{ define "__description" }}{{ end }}

{{ define "__subject" -}}
  [{{ toUpper .Status }}{{ with .Alerts.Firing }}:{{ len . }}{{ end }}]
  {{- with .GroupLabels }} {{ join " " .Values }}{{ end }}
  {{- with .CommonLabels.Remove .GroupLabels.Names }} ({{ join " " .Values }}){{ end }}
{{- end }}

{{ define "__time" }}{{ .UTC.Format "2006-01-02 15:04:05 MST" }}{{ end }}

{{ define "__alert_times" -}}
  since {{ template "__time" .StartsAt }}
  {{- if eq .Status "resolved" }} until {{ template "__time" .EndsAt }}{{ end }}
{{- end }}

{{ define "__alert_line" -}}
  {{ .Labels.alertname }}
  {{- with .Labels.severity }} ({{ . }}){{ end }}
  {{- with .Labels.instance }} on {{ . }}{{ end }}
  {{- with .Annotations.summary }}: {{ . }}{{ end }}
{{- end }}

{{ define "__text_alert" -}}
  - {{ template "__alert_line" . }}{{ "\n" }}
  {{- with .Annotations.description }}  {{ . }}{{ "\n" }}{{ end -}}
  {{ "  " }}{{ template "__alert_times" . }}
  {{- with .Annotations.value }}, value {{ . }}{{ end }}{{ "\n" -}}
  {{ "  " }}{{ .Labels }}{{ "\n" }}
  {{- with .GeneratorURL }}  {{ . }}{{ "\n" }}{{ end -}}
{{- end }}

{{ define "__text_alert_list" -}}
  {{- range $i, $alert := . -}}
    {{- if eq $i 50 }}(50 of {{ len $ }} alerts){{ "\n" }}{{ break }}{{ end -}}
    {{ template "__text_alert" . }}
  {{- end -}}
{{- end }}

{{ define "__text_message" -}}
  {{- with .Alerts.Firing -}}
    Firing:{{ "\n" }}{{ template "__text_alert_list" . }}
  {{- end -}}
  {{- with .Alerts.Resolved -}}
    Resolved:{{ "\n" }}{{ template "__text_alert_list" . }}
  {{- end -}}
{{- end }}

{{ define "__short_alert_list" -}}
  {{- range $i, $alert := . -}}
    {{- if eq $i 20 }}(20 of {{ len $ }} alerts){{ "\n" }}{{ break }}{{ end -}}
    {{ template "__alert_line" . }}{{ "\n" }}
  {{- end -}}
{{- end }}

{{ define "__short_message" -}}
  {{- with .Alerts.Firing -}}
    {{ template "__short_alert_list" . }}
  {{- end -}}
  {{- with .Alerts.Resolved -}}
    Resolved:{{ "\n" }}{{ template "__short_alert_list" . }}
  {{- end -}}
{{- end }}

{{ define "__silence_url" -}}
  {{ .ExternalURL }}/#/silences/new?filter=%7B
  {{- range $i, $pair := .Labels.SortedPairs -}}
    {{- $name := .Name -}}
    {{- if not (match "^[a-zA-Z_][a-zA-Z0-9_]*$" $name) }}{{ $name = printf "%q" $name }}{{ end -}}
    {{- if $i }}%2C{{ end -}}
    {{- printf "%s=%q" $name .Value | urlquery | reReplaceAll "[+]" "%20" | safeUrl -}}
  {{- end -}}
  %7D
{{- end }}
`;

const SERVICES = String.raw`
{{ define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end }}
{{ define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end }}

{{ define "opsgenie.default.message" }}{{ template "__subject" . }}{{ end }}
{{ define "opsgenie.default.source" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "opsgenie.default.description" -}}
  {{- with .CommonAnnotations.Remove (stringSlice ${CONTEXT_NAMES}) -}}
    {{- range .SortedPairs }}{{ .Name }}: {{ .Value }}{{ "\n" }}{{ end -}}
  {{- end -}}
  {{- template "__text_message" . -}}
{{- end }}

{{ define "victorops.default.state_message" -}}
  {{ template "__subject" . }}{{ "\n" }}{{ template "__text_message" . }}
{{- end }}
{{ define "victorops.default.entity_display_name" }}{{ template "__subject" . }}{{ end }}
{{ define "victorops.default.monitoring_tool" }}{{ template "__alertmanager" . }}{{ end }}

{{ define "sns.default.subject" }}{{ template "__subject" . }}{{ end }}
{{ define "sns.default.message" }}{{ template "__text_message" . }}{{ end }}

{{ define "jira.default.summary" }}{{ template "__subject" . }}{{ end }}
{{ define "jira.default.description" }}{{ template "__text_message" . }}{{ end }}
{{ define "jira.default.priority" -}}
  {{- $priority := "" -}}
  {{- range .Alerts.Firing -}}
    {{- $severity := .Labels.severity -}}
    {{- if eq $severity "critical" }}{{ $priority = "High" }}{{ break }}{{ end -}}
    {{- if eq $severity "warning" }}{{ $priority = "Medium" }}{{ end -}}
    {{- if and (eq $severity "info") (not $priority) }}{{ $priority = "Low" }}{{ end -}}
  {{- end -}}
  {{- $priority -}}
{{- end }}

{{ define "pushover.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "pushover.default.message" }}{{ template "__short_message" . }}{{ end }}
{{ define "pushover.default.url" }}{{ template "__alertmanagerURL" . }}{{ end }}

{{ define "ntfy.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "ntfy.default.message" }}{{ template "__short_message" . }}{{ end }}

{{ define "sms.default.text" -}}
  {{- $alerts := .Alerts -}}
  {{- with .Alerts.Firing }}{{ $alerts = . }}{{ end -}}
  [{{ toUpper .Status }} {{ len $alerts }}] {{ range $alerts -}}
    {{ .Labels.alertname }}{{ with .Annotations.summary }}: {{ . }}{{ end }}{{ break }}
  {{- end -}}
{{- end }}
`;

/** Each parses alone; names may be called across them. */
export const DEFAULT_TEMPLATES: readonly string[] = [
  PARTS,
  EMAIL_TEMPLATES,
  CHAT_TEMPLATES,
  SERVICES,
];
