import { expect, test } from "vitest";
import { emailKind } from "../../../../aggregator/notify/integrations/email.ts";
import { OperationalError } from "../../../../shared/errors.ts";
import {
  notificationWith,
  readWithValue,
  SendBed,
  schemaFaults,
} from "../../../support/receiver-kind.ts";

const ENTRY = { to: "ops@example.org", from: "t@example.org", smarthost: "mail.example.org:587" };
const GLOBALS = {
  ...{ smtp_smarthost: "[::1]:465", smtp_from: "g@example.org", smtp_hello: "g.example.org" },
  ...{ smtp_auth_username: "user", smtp_auth_password_file: "/password" },
  ...{ smtp_auth_secret: "secret", smtp_auth_identity: "id", smtp_require_tls: false },
};
const FILES = { "/password": "global\n", "/own": "own\n" };

async function mailOf(entry: object, notification = notificationWith("value"), globals = {}) {
  const bed = new SendBed();
  const { sender, faults } = readWithValue(emailKind, entry, { globals, files: FILES });
  expect(faults).toEqual([]);
  const answer = await bed.send(sender, notification);
  return { answer, mail: bed.mails[0], sender, headers: new Map(bed.mails[0]?.headers) };
}

test("a mail has what the entry says, and for the rest the globals", async () => {
  const { mail, answer, sender } = await mailOf({ to: "ops@example.org" }, undefined, GLOBALS);
  expect(mail?.server).toMatchObject({
    ...{ host: "::1", port: 465, hello: "g.example.org", user: "user", password: "global" },
    ...{ secret: "secret", identity: "id", requiresTls: false, implicitTls: true },
  });
  expect(mail?.from).toBe("g@example.org");
  expect(answer).toEqual({ outcome: "delivered", text: "250 queued", retryAfterMs: null });
  expect(sender).toMatchObject({ sendsResolved: false, perMinuteMax: null });
});

test("what the entry says itself comes before the globals", async () => {
  const own = {
    ...{ ...ENTRY, hello: "own", auth_username: "me", auth_password_file: "/own" },
    ...{ auth_secret: "own secret", auth_identity: "me", require_tls: true, send_resolved: true },
    force_implicit_tls: true,
  };
  const { mail, sender } = await mailOf(own, undefined, GLOBALS);
  expect(mail?.server).toMatchObject({
    ...{ host: "mail.example.org", port: 587, hello: "own", user: "me", password: "own" },
    ...{ secret: "own secret", identity: "me", requiresTls: true, implicitTls: true },
  });
  expect(sender.sendsResolved).toBe(true);
});

test("without any setting TLS is required, and is not implicit but at port 465", async () => {
  const { mail } = await mailOf(ENTRY);
  expect(mail?.server).toMatchObject({
    ...{ requiresTls: true, implicitTls: false, hello: "localhost", user: "", password: "" },
  });
  const other = await mailOf({ ...ENTRY, smarthost: "mail:465", force_implicit_tls: false });
  expect(other.mail?.server.implicitTls).toBe(false);
});

test("several addresses with names and quotes are recipients, each once", async () => {
  const to = 'a@example.org, "B, of ops" <b@example.org>, Team: c@example.org, a@example.org;';
  const { mail, headers } = await mailOf({ ...ENTRY, to });
  expect(mail?.to).toEqual(["a@example.org", "b@example.org", "c@example.org"]);
  expect(headers.get("to")).toBe(to);
});

test.each([
  ["{{ value }}", "not an address"],
  ["{{ value }}@example.org", "a@b"],
  ["{{ value }}@example.org", "x\r\nRCPT TO:"],
  ["{{ value }}", ""],
  ["{{ value }}", Array.from({ length: 101 }, (_, i) => `a${i}@example.org`).join(",")],
])("to %s with %j is no mail, now or later", async (to, value) => {
  const { mail, answer } = await mailOf({ ...ENTRY, to }, notificationWith(value));
  expect(mail).toBeUndefined();
  expect(answer.outcome).toBe("rejected");
});

test("who makes addresses of a label lets it name several, as Alertmanager does, and no more", async () => {
  const to = "{{ value }}@example.org";
  const { mail } = await mailOf({ ...ENTRY, to }, notificationWith("b@x.org,\r\nRCPT TO:<a"));
  expect(mail?.to).toEqual(["b@x.org", "a@example.org"]);
});

test("HTML is escaped, the subject and the text are not", async () => {
  const { mail, headers } = await mailOf(ENTRY, notificationWith('<b onclick="x">'));
  expect(mail?.html).toBe("&#60;b onclick=&#34;x&#34;&#62;");
  expect(mail?.text).toBe('<b onclick="x">');
  expect(headers.get("subject")).toBe('<b onclick="x">');
});

test("own headers are templates, stand for the usual ones, and are not longer than a line", async () => {
  const own = { SUBJECT: "s {{ value }}", "X-Team": "{{ value }}", From: "T <x@example.org>" };
  const { headers, mail } = await mailOf(
    { ...ENTRY, headers: own },
    notificationWith("y".repeat(9999)),
  );
  expect([...headers.keys()].sort()).toEqual(["from", "subject", "to", "x-team"]);
  expect(headers.get("subject")).toBe(`s ${"y".repeat(897)}…`);
  expect(headers.get("from")).toBe("T <x@example.org>");
  expect(mail?.from).toBe("t@example.org");
});

test("mails of a group answer the same message: of the day, or for ever", async () => {
  const rootOf = async (threading: object, change: object = {}) => {
    const notification = { ...notificationWith("value"), ...change };
    const { headers } = await mailOf({ ...ENTRY, threading }, notification);
    expect(headers.get("references")).toBe(headers.get("in-reply-to"));
    return headers.get("references");
  };
  const daily = { enabled: true };
  const root = await rootOf(daily);
  expect(root).toMatch(/^<alert-[0-9a-f]{16}-20459@telltale>$/);
  const { timeMs } = notificationWith("");
  expect(await rootOf(daily, { timeMs: timeMs + 1000 })).toBe(root);
  expect(await rootOf(daily, { timeMs: timeMs + 86_400_000 })).not.toBe(root);
  expect(await rootOf(daily, { groupKey: "{}:{}" })).not.toBe(root);
  const always = { enabled: true, thread_by_date: "none" };
  expect(await rootOf(always, { timeMs: 0 })).toBe(await rootOf(always));
  expect(await rootOf({})).toBeUndefined();
});

test("a mail that is refused for good is rejected, any other failure is thrown on", async () => {
  const bed = new SendBed();
  const { sender } = readWithValue(emailKind, ENTRY);
  bed.mailFailure = new OperationalError("PROTOCOL", "mail: 552 too big");
  expect(await bed.send(sender)).toEqual({
    ...{ outcome: "rejected", text: "mail: 552 too big", retryAfterMs: null },
  });
  bed.mailFailure = new OperationalError("UNAVAILABLE", "mail: 451 later");
  await expect(bed.send(sender)).rejects.toBe(bed.mailFailure);
});

test.each([
  [{}, "missing to address in email config"],
  [{ from: "" }, "no global SMTP from set"],
  [{ smarthost: "" }, "no global SMTP smarthost set"],
  [{ smarthost: "mail" }, 'smarthost is not HOST:PORT: "mail"'],
  [
    { auth_password: "a", auth_password_file: "/own" },
    "at most one of auth_password & auth_password_file must be configured",
  ],
  [{ auth_password_file: "/none" }, "auth_password_file: /none: no such file"],
  [{ headers: { "X-A": "1", "x-a": "2" } }, 'duplicate header "X-A" in email config'],
  [{ headers: { "a b": "1" } }, "headers.a b: not a header's name"],
  [{ headers: { Bcc: "x@example.org" } }, "headers.Bcc: this header cannot be set"],
  [{ headers: { subject: "{{ bad }}" } }, "headers.subject: 1:4: bad action"],
  [{ html: "{{ bad }}" }, "html: 1:4: bad action"],
  [{ tls_config: { cert: "x" } }, "tls_config: cert and key are needed together"],
])("of %j it says: %s", (change, fault) => {
  const to = Object.keys(change).length === 0 ? "" : ENTRY.to;
  const { faults } = readWithValue(emailKind, { ...ENTRY, to, ...change }, { files: FILES });
  expect(new Set(faults)).toEqual(new Set([fault]));
});

test.each([
  [{ implicit_tls: true }, 'Unrecognized key: "implicit_tls"'],
  [{ threading: { thread_by_date: "hourly" } }, expect.stringContaining("thread_by_date")],
])("the schema refuses %j", (change, fault) => {
  expect(schemaFaults(emailKind, { ...ENTRY, ...change })).toEqual([fault]);
});
