import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { SecureContexts } from "../../agent/probes/tls/secure-contexts.ts";
import { systemAuthorities } from "../../agent/scrape/http/http-gets.ts";

const PLAIN = {
  ...{ caFile: null, certFile: null, keyFile: null, serverName: null },
  ...{ skipsVerification: false, minVersion: null, maxVersion: null },
};

test("probes trust the system's authorities, read once and again when their file changes", async () => {
  const directory = mkdtempSync(join(tmpdir(), "telltale-authorities-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "ca.crt");
  writeFileSync(file, rootCertificates[0] ?? "");
  const contexts = new SecureContexts(systemAuthorities({ SSL_CERT_FILE: file }));
  const first = await contexts.of(PLAIN);
  expect(await contexts.of({ ...PLAIN, serverName: "shop.example" })).toBe(first);
  expect(await contexts.of({ ...PLAIN, minVersion: "TLSv1.3" })).not.toBe(first);
  expect(await contexts.of(PLAIN)).toBe(first);
  writeFileSync(file, `${rootCertificates[0]}\n${rootCertificates[1]}`);
  const second = await contexts.of(PLAIN);
  expect(second).not.toBe(first);
  rmSync(file);
  await expect(contexts.of(PLAIN)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
