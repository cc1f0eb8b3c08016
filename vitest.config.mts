import { defineConfig } from "vitest/config";

/** One project a kind of test; `npm run check` runs the first two, `npm test` all. */
const project = (name: string, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

export default defineConfig({
  test: {
    projects: [
      // Pure tests share a thread: starting one for each file takes longer than the tests.
      project("unit", { pool: "threads", isolate: false }),
      project("contract", { pool: "threads", isolate: false }),
      project("conformance"),
      project("simulation", { testTimeout: 600_000 }),
      project("integration", { testTimeout: 60_000 }),
      project("e2e", { testTimeout: 240_000, hookTimeout: 120_000, fileParallelism: false }),
    ],
  },
});
