import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { OperationalError } from "../../shared/errors.ts";
import { type SmtpServer, sendMail } from "../../shared/platform/send-mail.ts";
import { PLAIN_CLIENT } from "../support/http-receiver.ts";
import { digestOf, type Login, SmtpReceiver } from "../support/smtp-receiver.ts";
import { testCertificate } from "../support/test-certificate.ts";

const NAME = "mail.test";
let tls: { readonly cert: string; readonly key: string };
beforeAll(async () => {
  tls = await testCertificate(NAME);
});

async function receiver(options: Parameters<typeof SmtpReceiver.open>[0] = {}) {
  const opened = await SmtpReceiver.open(options);
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
}

/** One that trusts the receiver's certificate. */
function trusting(): SmtpServer["tls"] {
  return { ...PLAIN_CLIENT.tls, ca: tls.cert, serverName: NAME };
}

function send(port: number, server: Partial<SmtpServer> = {}, mail: object = {}) {
  const whole = {
    server: {
      ...{ host: "127.0.0.1", port, hello: "telltale.test", user: "", password: "", secret: "" },
      ...{ identity: "", requiresTls: false, implicitTls: false, tls: PLAIN_CLIENT.tls },
      ...server,
    },
    from: "telltale@example.org",
    to: ["a@example.org", "b@example.org"],
    headers: [
      ["from", "Telltale <telltale@example.org>"],
      ["to", "a@example.org, B <b@example.org>"],
      ["subject", "Down"],
    ] as const,
    text: "It is down.",
    html: "<p>It is <b>down</b>.</p>",
    ...mail,
  };
  return sendMail(whole, AbortSignal.timeout(10_000));
}

/** The error, which has to be an operational one. */
async function failureOf(promise: Promise<unknown>): Promise<OperationalError> {
  const failure = await promise.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OperationalError);
  return failure as OperationalError;
}

/** The header block of a mail, folded lines made whole. */
function headersOf(data: string): string[] {
  return data
    .slice(0, data.indexOf("\r\n\r\n"))
    .replace(/\r\n[ \t]+/g, " ")
    .split("\r\n");
}

test("a mail arrives with its headers, a date, an id, and both of its bodies", async () => {
  const there = await receiver();
  expect(await send(there.port)).toBe("250 2.0.0 queued as 1");
  const [mail] = there.mails;
  expect(mail).toMatchObject({ from: "telltale@example.org", isEncrypted: false });
  expect(mail?.to).toEqual(["a@example.org", "b@example.org"]);
  expect(there.commands[0]).toBe("EHLO telltale.test");
  const headers = headersOf(mail?.data ?? "");
  expect(headers).toContain("From: Telltale <telltale@example.org>");
  expect(headers).toContain("To: a@example.org, B <b@example.org>");
  expect(headers).toContain("Subject: Down");
  expect(headers).toContainEqual(expect.stringMatching(/^Message-ID: <\S+@example\.org>$/));
  expect(headers).toContainEqual(expect.stringMatching(/^Date: \w{3}, \d\d \w{3} \d{4} /));
  expect(headers).toContainEqual(expect.stringMatching(/^Content-Type: multipart\/alternative;/));
  expect(mail?.data).toMatch(/text\/plain[\s\S]*It is down\.[\s\S]*text\/html[\s\S]*<b>down<\/b>/);
});

test.each([
  ["text", { html: "" }, "text/plain"],
  ["html", { text: "" }, "text/html"],
])("a mail of %s alone has one part", async (_part, bodies, type) => {
  const there = await receiver();
  await send(there.port, {}, bodies);
  const headers = headersOf(there.mails[0]?.data ?? "");
  expect(headers).toContainEqual(expect.stringContaining(`Content-Type: ${type}`));
});

test("a value with line ends makes no header, and no second mail", async () => {
  const there = await receiver();
  const value = "x\r\nBcc: evil@example.org\r\n\r\n<script>\n.\r\nMAIL FROM:<evil@example.org>\r\n";
  const headers = [
    ["to", "a@example.org"],
    ["subject", value],
    ["x-team", value],
  ] as const;
  await send(there.port, {}, { headers, text: value, html: value });
  expect(there.mails).toHaveLength(1);
  const names = headersOf(there.mails[0]?.data ?? "").map((line) => line.split(":")[0]);
  expect(names.sort()).toEqual(
    ["Content-Type", "Date", "MIME-Version", "Message-ID", "Subject", "To", "X-Team"].sort(),
  );
  expect(there.commands.filter((line) => line.startsWith("MAIL"))).toHaveLength(1);
});

test("STARTTLS comes before anything of the mail, to the server that the certificate names", async () => {
  const there = await receiver({ tls });
  await send(there.port, { requiresTls: true, tls: trusting() });
  expect(there.mails).toMatchObject([{ isEncrypted: true }]);
  const words = there.commands.map((line) => line.split(" ")[0]);
  expect(words).toEqual(["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "RCPT", "DATA"]);
});

test("TLS from the first byte", async () => {
  const there = await receiver({ tls, isImplicit: true });
  await send(there.port, { implicitTls: true, requiresTls: true, tls: trusting() });
  expect(there.mails).toMatchObject([{ isEncrypted: true }]);
});

test("without require_tls STARTTLS is left, as the server's certificate may be nobody's", async () => {
  const there = await receiver({ tls });
  await send(there.port);
  expect(there.mails).toMatchObject([{ isEncrypted: false }]);
});

test.each([
  ["an unknown authority", { ca: null }],
  ["another name", { serverName: "other.test" }],
])("with a certificate of %s nothing of the mail is said", async (_why, change) => {
  const there = await receiver({ tls });
  const own = { ...trusting(), ...change };
  const failure = await failureOf(send(there.port, { requiresTls: true, tls: own }));
  expect(failure.code).toBe("UNAVAILABLE");
  expect(failure.message).toContain("certificate");
  expect(there.commands.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([]);
});

test("insecure_skip_verify takes any certificate", async () => {
  const there = await receiver({ tls });
  const own = { ...PLAIN_CLIENT.tls, skipsVerification: true };
  await send(there.port, { requiresTls: true, tls: own });
  expect(there.mails).toHaveLength(1);
});

test("a server without STARTTLS gets nothing while require_tls is true", async () => {
  const there = await receiver({ auth: ["PLAIN"], isKnown: () => true });
  const failure = await failureOf(
    send(there.port, { requiresTls: true, user: "u", password: "p" }),
  );
  expect(failure.code).toBe("UNAVAILABLE");
  expect(failure.message).toContain("require_tls is true");
  expect(there.commands.map((line) => line.split(" ")[0])).toEqual(["EHLO", "STARTTLS"]);
});

const USER = { user: "user", password: "p w", secret: "s", identity: "id" };

test.each([
  ["PLAIN", ["PLAIN", "LOGIN"], { secret: "" }, { identity: "id", password: "p w" }],
  ["LOGIN", ["LOGIN"], {}, { identity: "", password: "p w" }],
  ["CRAM-MD5", ["PLAIN", "CRAM-MD5"], {}, { identity: "", password: digestOf("s") }],
  ["PLAIN", ["CRAM-MD5", "PLAIN"], { secret: "" }, { identity: "id", password: "p w" }],
])("it logs in by %s where %j are offered", async (method, auth, own, expected) => {
  const there = await receiver({ tls, auth, isKnown: () => true });
  const server = { ...USER, ...own, requiresTls: true, tls: trusting() };
  await send(there.port, server);
  expect(there.logins).toEqual([{ method, user: "user", ...expected }]);
  expect(there.mails).toHaveLength(1);
});

test.each(["PLAIN", "LOGIN"])("a wrong password for %s is not in the error", async (method) => {
  const there = await receiver({ auth: [method], isKnown: ({ user }: Login) => user === "other" });
  const failure = await failureOf(send(there.port, { ...USER, secret: "" }));
  expect(failure.code).toBe("UNAVAILABLE");
  expect(failure.message).toContain("login failed: 535 not <secret>");
  expect(there.mails).toEqual([]);
});

test("an encoded password that a server repeats is not in the error", async () => {
  const repeat = (line: string) => `535 what is ${line}`;
  const there = await receiver({ auth: ["PLAIN"], answers: { AUTH: repeat } });
  const failure = await failureOf(send(there.port, { ...USER, secret: "" }));
  expect(failure.message).toContain("what is AUTH PLAIN <secret>");
});

test("PLAIN is not said in the clear but to this machine", async () => {
  const there = await receiver({ auth: ["PLAIN"], isKnown: () => true });
  // Loopback, in a spelling that is not known as such.
  const failure = await failureOf(
    send(there.port, { ...USER, secret: "", host: "::ffff:127.0.0.1" }),
  );
  expect(failure.message).toContain("login by PLAIN needs TLS");
  expect(there.logins).toEqual([]);
});

test("a user without a fitting password is an error that says what is missing", async () => {
  const there = await receiver({ auth: ["CRAM-MD5"] });
  const failure = await failureOf(send(there.port, { user: "user", password: "p" }));
  expect(failure.message).toContain("the server offers CRAM-MD5");
  expect(failure.message).toContain("auth_secret for CRAM-MD5");
});

test.each([
  ["RCPT", "550 5.1.1 no such user", "PROTOCOL"],
  ["RCPT", "450 4.2.1 later", "UNAVAILABLE"],
  ["RCPT", "530 5.7.0 log in first", "UNAVAILABLE"],
  ["END", "552 5.3.4 too big", "PROTOCOL"],
  ["END", "554 5.6.0 spam", "PROTOCOL"],
  ["END", "451 4.3.0 later", "UNAVAILABLE"],
  ["DATA", "554 5.5.1 no", "PROTOCOL"],
  ["MAIL", "550 5.7.1 not as this sender", "UNAVAILABLE"],
  ["EHLO", "421 4.3.2 closing", "UNAVAILABLE"],
])("after %s, %s is %s", async (word, answer, code) => {
  const there = await receiver({ answers: { [word]: () => answer } });
  const failure = await failureOf(send(there.port));
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(answer);
  expect(failure.message).toMatch(/^127\.0\.0\.1: /);
});

test("recipients that are refused while others are taken are named", async () => {
  const answers = {
    RCPT: (line: string) => (line.includes("<a@") ? "550 no such user" : "250 ok"),
  };
  const there = await receiver({ answers });
  expect(await send(there.port)).toBe("250 2.0.0 queued as 1; refused: a@example.org");
});

test("a connection that ends early, or never is, is tried again", async () => {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  expect((await failureOf(send(port))).code).toBe("UNAVAILABLE");
  server.close();
  await once(server, "close");
  expect((await failureOf(send(port))).code).toBe("UNAVAILABLE");
});

test("a server that hangs is given up by the signal", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const control = new AbortController();
  const reason = new Error("enough");
  server.once("connection", () => control.abort(reason));
  const mail = {
    ...{ from: "a@example.org", to: ["b@example.org"], headers: [], text: "x", html: "" },
    server: {
      ...{ host: "127.0.0.1", port, hello: "x", user: "", password: "", secret: "" },
      ...{ identity: "", requiresTls: false, implicitTls: false, tls: PLAIN_CLIENT.tls },
    },
  };
  await expect(sendMail(mail, control.signal)).rejects.toBe(reason);
});

test("an answer without an end is not kept", async () => {
  const there = await receiver({ answers: { EHLO: () => `250-${"x".repeat(200_000)}` } });
  expect((await failureOf(send(there.port))).code).toBe("UNAVAILABLE");
});
