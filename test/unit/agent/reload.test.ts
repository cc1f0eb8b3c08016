import { expect, test } from "vitest";
import { agentConfigSchema } from "../../../agent/config/agent-config.ts";
import { planReload } from "../../../agent/config/reload.ts";

const config = (given: object) => agentConfigSchema.parse(given);

test.each([
  [{}, { changed: [], waiting: [], isCollectedAnew: false }],
  [{ log_level: "debug" }, { changed: ["log_level"], waiting: [], isCollectedAnew: false }],
  [
    { collectors: { disable: ["loadavg"] }, labels: { env: "a" } },
    { changed: ["labels", "collectors"], waiting: [], isCollectedAnew: true },
  ],
  [
    { listen: "none", budget: { cpu: 1 }, buffer: { bytes_max: "2MiB" } },
    { changed: ["budget"], waiting: ["listen", "buffer"], isCollectedAnew: true },
  ],
])("of %o a reload takes what can change at run time, and names the rest", (given, expected) => {
  expect(planReload(config({}), config(given))).toMatchObject(expected);
});

test("what waits for a restart waits over the next reloads, and until it is taken back", () => {
  const read = config({ interval: "2s", log_level: "warn" });
  const first = planReload(config({}), read);
  expect(first.config).toEqual(config({ log_level: "warn" }));
  expect(planReload(first.config, read).waiting).toEqual(["interval"]);
  expect(planReload(first.config, config({ log_level: "warn" })).waiting).toEqual([]);
});
