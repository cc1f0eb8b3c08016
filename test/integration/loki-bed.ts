import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import { onTestFinished } from "vitest";
import { startHttpServer } from "../../aggregator/api/http-server.ts";
import { startAggregator } from "../../aggregator/app.ts";
import { aggregatorConfigSchema } from "../../aggregator/config.ts";
import type { AggregatorPlatform } from "../../aggregator/platform.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { MemoryLogger } from "../support/memory-logger.ts";

const LIMITS = { cacheBytes: 8 * 1024 * 1024, writeBufferBytes: 4 * 1024 * 1024 };

/** A whole aggregator in this process, on a disk, that speaks HTTP on a port of this machine. */
export class LokiBed {
  url = "";
  readonly logger = new MemoryLogger();
  /** What the receiver got. */
  readonly posted: { status: string; alerts: { labels: Record<string, string> }[] }[] = [];
  readonly #directory = directoryForTest();
  #running: AsyncDisposable | null = null;

  /** @param rules the text of a rule file */
  static async start(rules = ""): Promise<LokiBed> {
    const bed = new LokiBed();
    await bed.#start(rules);
    onTestFinished(() => bed.stop());
    return bed;
  }

  async restart(rules = ""): Promise<void> {
    await this.stop();
    await this.#start(rules);
  }

  async stop(): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]();
    this.#running = null;
  }

  async #start(rules: string): Promise<void> {
    const { logger } = this;
    const config = aggregatorConfigSchema.parse({ data_dir: this.#directory });
    const platform: AggregatorPlatform = {
      clock: nodeClock,
      random: Math.random,
      logger,
      request: async ({ body }) => {
        this.posted.push(JSON.parse(String(body)));
        return { status: 200, text: "", retryAfterMs: null };
      },
      mail: async () => "",
      chunkMs: 600_000,
      pause: nextTurn,
      compress: promisify(brotliCompress),
      openStore: (directory, _metrics, load) => openLevelStore(directory, LIMITS, () => {}, load),
      spaceOf: async () => ({ bytes: 0, freeBytes: 0, diskBytes: 0 }),
      readFiles: () => (rules === "" ? [] : [{ path: "rules.yaml", text: rules }]),
      readFile: () => NOTIFY,
      serve: async (services) => {
        const place = { gate: null, prefix: "", corsOrigins: [] };
        const own = { ...place, clock: nodeClock, logger, addPage: () => {} };
        const deps = { ...services, logs: services.loki, ...own };
        const server = await startHttpServer(deps, { host: "127.0.0.1", port: 0 });
        this.url = `http://${server.address}`;
        return server;
      },
      onReload: () => ({ [Symbol.dispose]: () => {} }),
    };
    this.#running = await startAggregator(config, platform);
  }

  /** A request as a client sends it; the body is JSON where it says so. */
  async get(path: string, headers: Record<string, string> = {}) {
    const response = await fetch(this.url + path, { headers });
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    const text = await response.text();
    const body = isJson ? JSON.parse(text) : text;
    return { status: response.status, headers: response.headers, body };
  }

  async push(body: string | Uint8Array, headers: Record<string, string>) {
    const url = `${this.url}/loki/api/v1/push`;
    const response = await fetch(url, { method: "POST", headers, body });
    return { status: response.status, text: await response.text() };
  }

  /** Lines of one stream, as JSON. */
  async pushLines(stream: Record<string, string>, lines: readonly (readonly [number, string])[]) {
    const values = lines.map(([timeMs, line]) => [`${Math.round(timeMs * 1000)}000`, line]);
    const body = JSON.stringify({ streams: [{ stream, values }] });
    return await this.push(body, { "content-type": "application/json" });
  }
}

const NOTIFY = `
receivers:
  - name: r
    webhook_configs: [{ url: "http://127.0.0.1:9/" }]
route: { receiver: r, group_by: [alertname], group_wait: 0s, group_interval: 1s }
`;
