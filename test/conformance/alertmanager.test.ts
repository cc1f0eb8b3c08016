import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseNotifyConfig } from "../../aggregator/notify/config/notify-config.ts";
import { matchRoutes } from "../../aggregator/notify/dispatch/match-routes.ts";
import { INTEGRATION_KINDS } from "../../aggregator/notify/integrations/registry.ts";
import { formatFault } from "../../shared/config/decode-yaml.ts";
import { labelsOf } from "../../shared/model/labels.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? resolve(import.meta.dirname, "../../../shared");
const DIRECTORY = join(SHARED, "conformance", "alertmanager");
const isThere = existsSync(join(DIRECTORY, "EXPECTED.tsv"));

type Expected = { readonly file: string; readonly isGood: boolean; readonly text: string };

function expectedFiles(): Expected[] {
  return readFileSync(join(DIRECTORY, "EXPECTED.tsv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .map(([file = "", kind, text = ""]) => ({ file, isGood: kind === "good", text }));
}

/** The secret files that the configurations name are on no machine. */
function read(file: string) {
  const path = join(DIRECTORY, file);
  return parseNotifyConfig(
    { path, text: readFileSync(path, "utf8") },
    {
      kinds: INTEGRATION_KINDS,
      readText: () => "https://secret.example/token",
      readFiles: () => [],
      compileTemplates: () => ({ compile: () => () => "" }),
    },
  );
}

/** Of receivers of the file, those that there is no kind of. */
function missingKinds(file: string): string[] {
  const { receivers = [] } = parse(readFileSync(join(DIRECTORY, file), "utf8")) ?? {};
  const keys: string[] = receivers.flatMap((one: object) => Object.keys(one));
  const kinds = keys.filter((key) => key.endsWith("_configs") && !INTEGRATION_KINDS.has(key));
  return [...new Set(kinds)];
}

/** What the kind of a receiver finds, with our words where they are others. */
const FOUND_BY_KINDS = new Map<string, string | null>([
  ["configs/conf.mattermost-no-webhook-url.yml", null],
  ["configs/conf.opsgenie-default-apikey-old-team.yml", "configs[0].teams: unknown key"],
  ["configs/conf.slack-no-api-url-or-token.yml", null],
  ["configs/conf.slack-update-message-and-webhook.yml", null],
  ["configs/conf.sns-invalid.yml", null],
  ["configs/conf.wechat-no-api-secret.yml", null],
]);

const SECRETS = /mysecret|myprecious|my_inline_secret|asd132|qwe456|token(?:123|456)|id(?:123|456)/;

describe.skipIf(!isThere)("Alertmanager's configurations", () => {
  const all = isThere ? expectedFiles() : [];

  test("there are all of them", () => {
    expect(all.filter(({ isGood }) => isGood)).toHaveLength(23);
    expect(all.filter(({ isGood }) => !isGood)).toHaveLength(34);
  });

  for (const { file } of all.filter(({ isGood }) => isGood)) {
    test.skipIf(missingKinds(file).length > 0)(`${file} loads`, () => {
      const { config, faults } = read(file);
      expect(faults.map(formatFault)).toEqual([]);
      expect(config?.text).not.toMatch(SECRETS);
    });
  }

  for (const { file, text } of all.filter(({ isGood }) => !isGood)) {
    const isOfKind = FOUND_BY_KINDS.has(file) && missingKinds(file).length > 0;
    test.skipIf(isOfKind)(`${file} is refused: ${text}`, () => {
      const { config, faults } = read(file);
      expect(config).toBeNull();
      const [, message] = /^error(?: contains)?: (.+)$/.exec(text) ?? [];
      expect(faults.map(formatFault).join("\n")).toContain(FOUND_BY_KINDS.get(file) ?? message);
      for (const one of faults) expect(one).toMatchObject({ file: join(DIRECTORY, file) });
      for (const { line } of faults) expect(line).toBeGreaterThan(0);
    });
  }

  test("alerts reach the receivers that are said", () => {
    const file = all.find(({ text }) => text.includes("->"));
    const { config } = read(file?.file ?? "");
    const cases = [...(file?.text ?? "").matchAll(/\{(\w+)="(\w+)"\} -> ([\w, ]+)/g)];
    expect(cases).toHaveLength(3);
    for (const [, name = "", value = "", receivers] of cases) {
      const routes = config === null ? [] : matchRoutes(config.root, labelsOf({ [name]: value }));
      expect(routes.map(({ receiver }) => receiver).join(", ")).toBe(receivers);
    }
  });
});
