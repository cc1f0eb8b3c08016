import { createHmac } from "node:crypto";
import { createTransport, type SendMailOptions, type SMTPTransportOptions } from "nodemailer";
import { errorMessage, OperationalError } from "../errors.ts";
import { isLoopback } from "../model/address.ts";
import type { TlsClientOptions } from "./http-client.ts";

export type Mail = {
  readonly server: SmtpServer;
  readonly from: string;
  readonly to: readonly string[];
  /** All but Date, Message-ID and those of MIME; no name twice. Control characters become spaces. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of `text` and `html` one may be empty. */
  readonly text: string;
  readonly html: string;
};

export type SmtpServer = {
  readonly host: string;
  readonly port: number;
  /** What we say that we are called. */
  readonly hello: string;
  /** Empty: no authentication. */
  readonly user: string;
  /** Secrets. */
  readonly password: string;
  readonly secret: string;
  readonly identity: string;
  /** Without it nothing is encrypted but by `implicitTls`, as in Alertmanager. */
  readonly requiresTls: boolean;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
  readonly tls: TlsClientOptions;
};

/** The signal ends an attempt; these only stop what outlives it. */
const SOCKET_TIMEOUT_MS = 60_000;
const ANSWER_BYTES_MAX = 64 * 1024;
const SHOWN_MAX = 300;
/** Answers to a RCPT that are about us, not about the mail: authentication and TLS (RFC 4954, 3207). */
const ABOUT_US: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/**
 * One mail by SMTP, by a connection of its own. Gives the server's answer, with the recipients that it
 * refused while it took others.
 * @throws OperationalError UNAVAILABLE, or PROTOCOL when the mail is refused for good; the signal's
 *   reason when aborted
 */
export async function sendMail(mail: Mail, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const { server } = mail;
  try {
    const { response = "", rejected = [] } = await createTransport(
      transportOptions(server),
    ).sendMail(messageOf(mail, signal));
    const refused = rejected.length === 0 ? "" : `; refused: ${rejected.join(", ")}`;
    return shownText(response + refused, server);
  } catch (error) {
    signal.throwIfAborted();
    const text = `${server.host}: ${failureText(error, server)}`;
    throw new OperationalError(isFinal(error) ? "PROTOCOL" : "UNAVAILABLE", text);
  }
}

function transportOptions(server: SmtpServer): SMTPTransportOptions {
  const { host, port, hello, user, requiresTls, implicitTls } = server;
  const isSaidOpenly = requiresTls || implicitTls;
  return {
    ...{ host, port, name: hello, secure: implicitTls },
    ...{ requireTLS: requiresTls && !implicitTls, ignoreTLS: !requiresTls },
    tls: tlsOptions(server.tls),
    connectionTimeout: SOCKET_TIMEOUT_MS,
    greetingTimeout: SOCKET_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    socketCloseTimeout: 1000,
    maxResponseSize: ANSWER_BYTES_MAX,
    ...{ disableFileAccess: true, disableUrlAccess: true },
    ...(user === ""
      ? {}
      : {
          auth: { user, method: "CHOSEN" },
          customAuth: { CHOSEN: (dialog) => logIn(dialog, server, isSaidOpenly) },
        }),
  };
}

function tlsOptions({ ca, cert, key, serverName, ...tls }: TlsClientOptions) {
  return {
    rejectUnauthorized: !tls.skipsVerification,
    ...(ca === null ? {} : { ca }),
    ...(cert === null || key === null ? {} : { cert, key }),
    ...(serverName === null ? {} : { servername: serverName }),
    ...(tls.minVersion === null ? {} : { minVersion: tls.minVersion }),
    ...(tls.maxVersion === null ? {} : { maxVersion: tls.maxVersion }),
  };
}

function messageOf(mail: Mail, signal: AbortSignal): SendMailOptions {
  return {
    envelope: { from: mail.from, to: [...mail.to] },
    headers: mail.headers.map(([key, value]) => {
      return { key, value: value.replace(/[\p{Cc}\u2028\u2029]+/gu, " ") };
    }),
    ...(mail.text === "" ? {} : { text: mail.text }),
    ...(mail.html === "" ? {} : { html: mail.html }),
    signal,
  };
}

/** What the library hands to an own way to log in. */
type Dialog = {
  readonly authMethods: readonly string[];
  sendCommand(command: string): Promise<{ readonly status: number; readonly text: string }>;
};

/** The library knows no identity, and takes one password for all mechanisms. */
async function logIn(dialog: Dialog, server: SmtpServer, isEncrypted: boolean): Promise<void> {
  const { user, password, secret, identity } = server;
  const say = async (command: string, expected: number) => {
    const { status, text } = await dialog.sendCommand(command);
    if (status !== expected) throw new Error(`login failed: ${status} ${text}`);
    return text;
  };
  switch (mechanismOf(dialog.authMethods, server, isEncrypted)) {
    case "CRAM-MD5": {
      const challenge = Buffer.from(await say("AUTH CRAM-MD5", 334), "base64");
      const digest = createHmac("md5", secret).update(challenge).digest("hex");
      await say(base64(`${user} ${digest}`), 235);
      return;
    }
    case "PLAIN":
      await say(`AUTH PLAIN ${base64(`${identity}\0${user}\0${password}`)}`, 235);
      return;
    case "LOGIN":
      await say("AUTH LOGIN", 334);
      await say(base64(user), 334);
      await say(base64(password), 235);
      return;
  }
}

/** PLAIN needs TLS or a server on this machine, as in Go's library and so in Alertmanager. */
function mechanismOf(
  offered: readonly string[],
  { host, port, password, secret }: SmtpServer,
  isEncrypted: boolean,
): "CRAM-MD5" | "PLAIN" | "LOGIN" {
  if (secret !== "" && offered.includes("CRAM-MD5")) return "CRAM-MD5";
  if (password !== "") {
    const isSafe = isEncrypted || isLoopback({ host, port });
    if (isSafe && offered.includes("PLAIN")) return "PLAIN";
    if (offered.includes("LOGIN")) return "LOGIN";
    if (!isSafe && offered.includes("PLAIN")) throw new Error("login by PLAIN needs TLS");
  }
  const needed = "auth_password is for PLAIN and LOGIN, auth_secret for CRAM-MD5";
  throw new Error(`no way to log in: the server offers ${offered.join(" ") || "none"}; ${needed}`);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

type Failure = {
  readonly code?: unknown;
  readonly command?: unknown;
  readonly responseCode?: unknown;
  readonly permanent?: unknown;
};

/** The mail or all of its recipients are refused; at its sender it is our login that may be wrong. */
function isFinal(error: unknown): boolean {
  const { code, command, responseCode, permanent }: Failure = Object(error);
  if (code === "EENVELOPE" && command === "API") return true; // no address that SMTP can carry
  if (typeof responseCode === "number" && ABOUT_US.has(responseCode)) return false;
  return permanent === true && (command === "RCPT TO" || command === "DATA");
}

function failureText(error: unknown, server: SmtpServer): string {
  const { code, command }: Failure = Object(error);
  const isTls = code === "ETLS" && command === "STARTTLS";
  const why = isTls ? "STARTTLS failed, and require_tls is true: " : "";
  return shownText(why + errorMessage(error), server);
}

/** On one line, without what we know as secrets: a server may repeat what it was sent. */
function shownText(text: string, { password, secret, user, identity }: SmtpServer): string {
  const sent = [password, secret, base64(password), base64(`${identity}\0${user}\0${password}`)];
  let shown = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  for (const one of password === "" ? [secret] : sent) {
    if (one !== "") shown = shown.replaceAll(one, "<secret>");
  }
  return shown.slice(0, SHOWN_MAX);
}
