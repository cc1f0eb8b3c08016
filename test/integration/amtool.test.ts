import { execFile, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { startHttpServer } from "../../aggregator/api/http-server.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { createApiBed, LOOPBACK } from "./api-bed.ts";

/** Alertmanager's own client, against our server. */

const hasAmtool = spawnSync("amtool", ["--version"]).status === 0;
const run = promisify(execFile);

async function startBed() {
  const bed = createApiBed({ clock: nodeClock });
  const server = await startHttpServer({ ...bed, readiness: { isReady: () => true } }, LOOPBACK);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const url = `--alertmanager.url=http://${server.address}`;
  const amtool = async (...args: string[]) => {
    // Without a configuration file of whoever runs the tests.
    const env = { ...process.env, HOME: "/nonexistent" };
    const { stdout } = await run("amtool", [...args, url], { env });
    return stdout;
  };
  const json = async (...args: string[]) => JSON.parse(await amtool(...args, "-o", "json"));
  return { ...bed, amtool, json };
}

describe.skipIf(!hasAmtool)("amtool (skipped where it is not)", () => {
  test("adds alerts, and finds them by their labels", async () => {
    const { amtool, json } = await startBed();
    await amtool(
      "alert",
      "add",
      "One",
      "team=db",
      "--annotation=summary=s",
      "--generator-url=http://x/y",
    );
    await amtool("alert", "add", "Two", "severity=page");
    expect(await json("alert", "query", "alertname=~O.*")).toMatchObject([
      {
        labels: { alertname: "One", team: "db" },
        annotations: { summary: "s" },
        generatorURL: "http://x/y",
        fingerprint: expect.stringMatching(/^[\da-f]{16}$/),
        receivers: [{ name: "dba" }],
        status: { state: "active", silencedBy: [], inhibitedBy: [] },
      },
    ]);
    expect(await json("alert", "query", "--receiver=pager")).toMatchObject([
      { labels: { alertname: "Two" } },
    ]);
    expect(await amtool("alert", "query")).toMatch(/^Alertname .*\nOne .*\nTwo /s);
  });

  test("silences, which then can be seen, changed and ended", async () => {
    const { amtool, json } = await startBed();
    await amtool("alert", "add", "One");
    const add = ["silence", "add", "alertname=One", "instance!~db.*", "--author=me"];
    const id = (await amtool(...add, "--comment=why", "--duration=2h")).trim();
    expect(await json("alert", "query", "One")).toEqual([]);
    expect(await json("alert", "query", "--silenced", "One")).toMatchObject([
      { status: { state: "suppressed", silencedBy: [id] } },
    ]);
    expect(await json("silence", "query", "alertname=One")).toMatchObject([
      {
        id,
        status: { state: "active" },
        matchers: [
          { name: "alertname", value: "One", isRegex: false, isEqual: true },
          { name: "instance", value: "db.*", isRegex: true, isEqual: false },
        ],
        createdBy: "me",
        comment: "why",
      },
    ]);

    await amtool("silence", "update", id, "--comment=else", "--duration=3h");
    const [changed] = await json("silence", "query");
    expect(changed).toMatchObject({ id, comment: "else" });
    const spanMs = Date.parse(changed.endsAt) - Date.parse(changed.startsAt);
    expect(spanMs).toBe(3 * 3_600_000);

    await amtool("silence", "expire", id);
    expect(await json("silence", "query")).toEqual([]);
    expect(await json("silence", "query", "--expired")).toMatchObject([
      { id, status: { state: "expired" } },
    ]);
    expect(await json("alert", "query", "One")).toHaveLength(1);
  });

  test("imports silences that it has exported", async () => {
    const { amtool, json } = await startBed();
    const exported = join(directoryForTest(), "silences.json");
    await amtool("silence", "add", "alertname=One", "--author=me", "--comment=why");
    const [before] = await json("silence", "query");
    writeFileSync(exported, JSON.stringify([before]));
    await amtool("silence", "import", "--force", exported);
    const all = await json("silence", "query");
    expect(all).toHaveLength(2);
    expect(all[1]).toMatchObject({ matchers: before.matchers, endsAt: before.endsAt });
  });

  test("says why a silence is refused", async () => {
    const { amtool } = await startBed();
    const add = ["silence", "add", "alertname=~.*", "--author=me", "--comment=why"];
    await expect(amtool(...add)).rejects.toMatchObject({
      stderr: expect.stringContaining("must not match the empty string"),
    });
    const unknown = "00000000-0000-4000-8000-000000000000";
    await expect(amtool("silence", "expire", unknown)).rejects.toMatchObject({
      stderr: expect.stringContaining("404"),
    });
  });

  test("finds the routing file good, and where its routes lead", async () => {
    const { amtool, alerts } = await startBed();
    const file = join(directoryForTest(), "routes.yaml");
    writeFileSync(file, alerts.configText());
    expect(await amtool("check-config", file)).toContain("SUCCESS");
    expect(await amtool("config", "show")).toContain("receiver: default");
    const route = async (...labels: string[]) =>
      (await amtool("config", "routes", "test", ...labels)).trim();
    expect(await route("team=db", "severity=page")).toBe("dba,pager");
    expect(await route("severity=page")).toBe("pager");
    expect(await route("a=b")).toBe("default");
    expect(await amtool("cluster", "show")).toContain("disabled");
  });
});
