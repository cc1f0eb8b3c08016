import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** One project a kind of test; `npm run check` runs the first two, `npm test` all. */
const project = (name: string, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

/** Properties draw the same cases in each run; `npm run properties` draws others. */
const PROPERTIES = { setupFiles: ["test/support/property-seed.ts"] };
/** On a busy machine a property of many cases takes ten times as long. */
const PURE = { ...PROPERTIES, testTimeout: 30_000 };
const E2E = { testTimeout: 240_000, hookTimeout: 120_000 };
/** These measure times and shares of a CPU: each has the machine for itself. */
const TIMED = ["alert", "containers", "crash", "oom-kills", "readings", "truth"].map(
  (name) => `test/e2e/${name}.test.ts`,
);
/** Many programs, for minutes: `npm run e2e:rules`. */
const RULES = ["test/e2e/built-in-rules*.test.ts"];
/** Twelve exporters and what they look at, for ten minutes: `npm run e2e:exporters`. */
const EXPORTERS = ["test/e2e/exporters.test.ts"];

/** What takes minutes begins first, so that at the end no core waits for it. */
const LONG = ["log-torture", "security", "page", "notify-client", "seeds-", "plants"];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = (file: TestSpecification) =>
      LONG.some((name) => file.moduleId.includes(`/${name}`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      // Pure tests share a thread: starting one for each file takes longer than the tests.
      project("unit", { ...PURE, pool: "threads", isolate: false }),
      project("contract", { ...PURE, pool: "threads", isolate: false }),
      project("conformance"),
      project("simulation", { testTimeout: 600_000 }),
      project("integration", { ...PROPERTIES, testTimeout: 60_000 }),
      project("e2e", { ...E2E, exclude: [...TIMED, ...RULES, ...EXPORTERS], maxWorkers: 2 }),
      project("e2e-rules", { ...E2E, include: RULES, fileParallelism: false }),
      project("e2e-exporters", { ...E2E, include: EXPORTERS }),
      project("e2e-timed", {
        ...E2E,
        include: TIMED,
        fileParallelism: false,
        sequence: { groupOrder: 1 },
      }),
    ],
  },
});
