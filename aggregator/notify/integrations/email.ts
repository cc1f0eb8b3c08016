/** Alertmanager's email: a mail over SMTP. */

import addressParser from "nodemailer/lib/addressparser";
import { z } from "zod";
import { OperationalError } from "../../../shared/errors.ts";
import { parseAddress } from "../../../shared/model/address.ts";
import type { SmtpServer } from "../../../shared/platform/send-mail.ts";
import type { Notification } from "../../model/notification.ts";
import { readTlsConfig, tlsConfigSchema } from "../config/http-config.ts";
import { groupHash } from "../message-parts.ts";
import { cutText } from "./cut-text.ts";
import { secretFields, secretOf, templated, text } from "./entry-fields.ts";
import type { IntegrationKind, Reading, SendAnswer } from "./integration.ts";
import { readHtml, readTexts } from "./message-texts.ts";
import { delivered, rejected } from "./send-answer.ts";

const TIMEOUT_MS = 30_000;
const RECIPIENTS_MAX = 100;
const HEADERS_MAX = 50;
/** A line of a mail is at most 998 characters (RFC 5322, 2.1.1), and a value may have no spaces. */
const HEADER_MAX = 900;
const IMPLICIT_TLS_PORT = 465;
const DAY_MS = 86_400_000;
const HEADER_NAME = /^[!-9;-~]{1,64}$/;
/** The library makes them, and others would contradict the body or the envelope. */
const RESERVED = /^(bcc|content-.*|date|mime-version)$/i;
const MAILBOX = /^[^\s@<>"(),:;\\]{1,64}@[^\s@<>"(),;\\]{1,255}$/;

const schema = z.strictObject({
  send_resolved: z.boolean().default(false),
  to: text,
  from: text,
  smarthost: text,
  hello: text,
  auth_username: text,
  ...secretFields("auth_password"),
  ...secretFields("auth_secret"),
  auth_identity: text,
  require_tls: z.boolean().optional(),
  tls_config: tlsConfigSchema.optional(),
  force_implicit_tls: z.boolean().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  html: templated("email.default.html"),
  text: templated("email.default.text"),
  threading: z
    .strictObject({
      enabled: z.boolean().default(false),
      thread_by_date: z.enum(["daily", "none"]).default("daily"),
    })
    .optional(),
});

type Raw = z.infer<typeof schema>;

export const emailKind: IntegrationKind<Raw> = {
  name: "email",
  schema,
  read(raw, reading) {
    const server = readServer(raw, reading);
    const from = raw.from || reading.globals.smtp_from || "";
    if (raw.to === "") reading.report("missing to address in email config");
    if (from === "") reading.report("no global SMTP from set");
    const expand = readTexts(reading, { to: raw.to, from, text: raw.text });
    const expandHtml = readHtml(reading, raw.html, ["html"]);
    const expandHeaders = readTexts(reading, readHeaders(raw, reading), ["headers"]);
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: TIMEOUT_MS,
      perMinuteMax: null,
      async send(notification, ports, signal) {
        const { to, from, text } = expand(notification, ports);
        const [recipients, [sender]] = [mailboxes(to), mailboxes(from)];
        if (recipients.length === 0) return rejected("to holds no mail address");
        if (recipients.length > RECIPIENTS_MAX) return rejected("to holds too many mail addresses");
        if (sender === undefined) return rejected("from holds no mail address");
        const headers = new Map(Object.entries({ from, to, ...threadOf(raw, notification) }));
        for (const [name, value] of Object.entries(expandHeaders(notification, ports))) {
          headers.set(name, cutText(value, HEADER_MAX));
        }
        const html = expandHtml(notification, ports);
        const mail = { server, from: sender, to: recipients, headers: [...headers], text, html };
        return await sent(ports.mail(mail, signal));
      },
    };
  },
};

async function sent(mail: Promise<string>): Promise<SendAnswer> {
  try {
    return delivered(await mail);
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PROTOCOL") throw error;
    return rejected(error.message);
  }
}

function readServer(raw: Raw, reading: Reading): SmtpServer {
  const { globals, report } = reading;
  const smarthost = raw.smarthost || globals.smtp_smarthost || "";
  if (smarthost === "") report("no global SMTP smarthost set");
  const address = parseAddress(smarthost);
  if (smarthost !== "" && address === null) report(`smarthost is not HOST:PORT: "${smarthost}"`);
  const { host, port } = address ?? { host: "", port: 0 };
  const implicit = raw.force_implicit_tls ?? globals.smtp_force_implicit_tls;
  return {
    ...{ host, port },
    hello: raw.hello || globals.smtp_hello || "localhost",
    user: raw.auth_username || globals.smtp_auth_username || "",
    password: secretOf(reading, raw, "auth_password", "smtp_auth_password"),
    secret: secretOf(reading, raw, "auth_secret", "smtp_auth_secret"),
    identity: raw.auth_identity || globals.smtp_auth_identity || "",
    requiresTls: raw.require_tls ?? globals.smtp_require_tls ?? true,
    implicitTls: implicit ?? port === IMPLICIT_TLS_PORT,
    tls: readTlsConfig(raw.tls_config ?? globals.smtp_tls_config, {
      ...reading,
      report: (message, path = []) => report(message, ["tls_config", ...path]),
    }),
  };
}

/** By lower-case names. */
function readHeaders({ headers }: Raw, { report }: Reading): Readonly<Record<string, string>> {
  const read: Record<string, string> = { subject: '{{ template "email.default.subject" . }}' };
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (names.length > HEADERS_MAX) report(`more than ${HEADERS_MAX} headers`, ["headers"]);
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    const place = ["headers", name];
    if (!HEADER_NAME.test(name)) report("not a header's name", place);
    if (RESERVED.test(name)) report("this header cannot be set", place);
    if (names.filter((other) => other === lower).length > 1) {
      report(`duplicate header "${titleOf(name)}" in email config`);
    }
    read[lower] = value;
  }
  return read;
}

/** As Go writes a header's name: `Reply-To`. */
function titleOf(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** The addresses of a list with names and groups; empty where one of it is no address. */
function mailboxes(list: string): string[] {
  const found = addressParser(list, { flatten: true }).map(({ address }) => address);
  return found.every((address) => MAILBOX.test(address)) ? [...new Set(found)] : [];
}

/** All mails of a group, or of its day, answer a message that was never sent: so they stay together. */
function threadOf(
  { threading }: Raw,
  { groupKey, timeMs }: Notification,
): Readonly<Record<string, string>> {
  if (threading === undefined || !threading.enabled) return {};
  const day = threading.thread_by_date === "daily" ? `-${Math.floor(timeMs / DAY_MS)}` : "";
  const digest = groupHash({ groupKey }).slice(0, 16);
  const root = `<alert-${digest}${day}@telltale>`;
  return { references: root, "in-reply-to": root };
}
