/** Templates of chat services. Whatever comes from an alert goes through `markdown` or `mrkdwn`. */

const MARKDOWN = String.raw`
{{ define "__subject_markdown" -}}
  [{{ toUpper .Status }}{{ with .Alerts.Firing }}:{{ len . }}{{ end }}]
  {{- with .GroupLabels }} {{ join " " .Values | markdown }}{{ end }}
  {{- with .CommonLabels.Remove .GroupLabels.Names }} ({{ join " " .Values | markdown }}){{ end }}
{{- end }}

{{ define "__source_markdown" -}}
  {{- if match "^https?://[0-9A-Za-z$&+,./:;=?@_~%#-]+$" . }} [source]({{ . }}){{ end -}}
{{- end }}

{{ define "__joined_markdown" }}{{ reReplaceAll "\n" "; " . | markdown }}{{ end }}

{{ define "__text_alert_list_markdown" -}}
  {{- range $i, $alert := . -}}
    {{- if eq $i 20 }}- 20 of {{ len $ }} alerts{{ "\n" }}{{ break }}{{ end -}}
    - **{{ markdown .Labels.alertname }}**
    {{- with .Labels.severity }} ({{ markdown . }}){{ end }}
    {{- with .Labels.instance }} on {{ markdown . }}{{ end }}
    {{- with .Annotations.summary }}: {{ markdown . }}{{ end }}
    {{- with .Annotations.value }}, value {{ markdown . }}{{ end -}}
    , {{ template "__alert_times" . }}
    {{- template "__source_markdown" .GeneratorURL }}{{ "\n" }}
    {{- with .Annotations.telltale_sparkline }}  {{ markdown . }}{{ "\n" }}{{ end -}}
    {{- with .Annotations.telltale_top_processes }}  {{ template "__joined_markdown" . }}{{ "\n" }}{{ end -}}
  {{- end -}}
{{- end }}

{{ define "__message_markdown" -}}
  {{- with .Alerts.Firing -}}
    **Firing**{{ "\n\n" }}{{ template "__text_alert_list_markdown" . }}
  {{- end -}}
  {{- with .Alerts.Resolved -}}
    {{- "\n" }}**Resolved**{{ "\n\n" }}{{ template "__text_alert_list_markdown" . }}
  {{- end -}}
{{- end }}

{{ define "__titled_markdown" -}}
  **{{ template "__subject_markdown" . }}**{{ "\n\n" }}{{ template "__message_markdown" . }}
{{- end }}

{{ define "discord.default.title" }}{{ template "__subject_markdown" . }}{{ end }}
{{ define "discord.default.message" }}{{ template "__message_markdown" . }}{{ end }}
{{ define "discord.default.content" }}{{ end }}

{{ define "msteams.default.summary" }}{{ template "__subject" . }}{{ end }}
{{ define "msteams.default.title" }}{{ template "__subject_markdown" . }}{{ end }}
{{ define "msteams.default.text" }}{{ template "__message_markdown" . }}{{ end }}
{{ define "msteamsv2.default.title" }}{{ template "__subject_markdown" . }}{{ end }}
{{ define "msteamsv2.default.text" }}{{ template "__message_markdown" . }}{{ end }}

{{ define "webex.default.message" }}{{ template "__titled_markdown" . }}{{ end }}

{{ define "rocketchat.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "rocketchat.default.alias" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "rocketchat.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "rocketchat.default.emoji" }}{{ end }}
{{ define "rocketchat.default.iconurl" }}{{ end }}
{{ define "rocketchat.default.text" }}{{ template "__message_markdown" . }}{{ end }}

{{ define "mattermost.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "mattermost.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "mattermost.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "mattermost.default.fallback" }}{{ template "__subject" . }}{{ end }}
{{ define "mattermost.default.pretext" }}{{ end }}
{{ define "mattermost.default.text" }}{{ template "__titled_markdown" . }}{{ end }}
{{ define "mattermost.default.color" }}{{ template "slack.default.color" . }}{{ end }}
{{ define "mattermost.default.footer" }}{{ end }}
{{ define "mattermost.default.iconurl" }}{{ end }}
{{ define "mattermost.default.iconemoji" }}{{ end }}

{{ define "dingtalk.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "dingtalk.default.text" }}{{ template "__titled_markdown" . }}{{ end }}

{{ define "feishu.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "feishu.default.text" }}{{ template "__message_markdown" . }}{{ end }}

{{ define "wecom.default.text" }}{{ template "__titled_markdown" . }}{{ end }}
`;

const OTHERS = String.raw`
{{ define "__slack_alert_list" -}}
  {{- range $i, $alert := . -}}
    {{- if eq $i 20 }}(20 of {{ len $ }} alerts){{ "\n" }}{{ break }}{{ end -}}
    • {{ mrkdwn .Labels.alertname }}
    {{- with .Labels.severity }} ({{ mrkdwn . }}){{ end }}
    {{- with .Labels.instance }} on {{ mrkdwn . }}{{ end }}
    {{- with .Annotations.summary }}: {{ mrkdwn . }}{{ end }}{{ "\n" }}
    {{- with .Annotations.telltale_sparkline }}  {{ mrkdwn . }}{{ "\n" }}{{ end -}}
    {{- with .Annotations.telltale_top_processes }}  {{ reReplaceAll "\n" "; " . | mrkdwn }}{{ "\n" }}{{ end -}}
  {{- end -}}
{{- end }}

{{ define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{ define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{ define "slack.default.fallback" -}}
  {{ template "slack.default.title" . }}: {{ template "slack.default.titlelink" . }}
{{- end }}
{{ define "slack.default.callbackid" }}{{ end }}
{{ define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{ define "slack.default.pretext" }}{{ end }}
{{ define "slack.default.text" -}}
  {{- with .Alerts.Firing }}{{ template "__slack_alert_list" . }}{{ end -}}
  {{- with .Alerts.Resolved -}}
    Resolved:{{ "\n" }}{{ template "__slack_alert_list" . }}
  {{- end -}}
{{- end }}
{{ define "slack.default.iconemoji" }}{{ end }}
{{ define "slack.default.iconurl" }}{{ end }}
{{ define "slack.default.footer" }}{{ end }}
{{ define "slack.default.color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end }}

{{ define "__telegram_alert_list" -}}
  {{- range $i, $alert := . -}}
    {{- if eq $i 20 }}(20 of {{ len $ }} alerts){{ "\n" }}{{ break }}{{ end -}}
    • {{ template "__alert_line" . }}
    {{- with .Annotations.value }}, value {{ . }}{{ end -}}
    , {{ template "__alert_times" . }}
    {{- if match "^https?://" .GeneratorURL }} <a href="{{ .GeneratorURL }}">source</a>{{ end }}
    {{- "\n" }}
    {{- with .Annotations.telltale_sparkline }}  {{ . }}{{ "\n" }}{{ end -}}
    {{- with .Annotations.telltale_top_processes }}  {{ reReplaceAll "\n" "; " . }}{{ "\n" }}{{ end -}}
  {{- end -}}
{{- end }}

{{ define "telegram.default.message" -}}
  <b>{{ template "__subject" . }}</b>{{ "\n" }}
  {{- with .Alerts.Firing -}}
    {{- "\n" }}<b>Firing</b>{{ "\n" }}{{ template "__telegram_alert_list" . }}
  {{- end -}}
  {{- with .Alerts.Resolved -}}
    {{- "\n" }}<b>Resolved</b>{{ "\n" }}{{ template "__telegram_alert_list" . }}
  {{- end -}}
{{- end }}

{{ define "wechat.default.message" -}}
  {{ template "__subject" . }}{{ "\n" }}{{ template "__short_message" . }}
{{- end }}
{{ define "wechat.default.to_user" }}{{ end }}
{{ define "wechat.default.to_party" }}{{ end }}
{{ define "wechat.default.to_tag" }}{{ end }}
{{ define "wechat.default.agent_id" }}{{ end }}
`;

export const CHAT_TEMPLATES = MARKDOWN + OTHERS;
